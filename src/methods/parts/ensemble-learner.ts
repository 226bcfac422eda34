/** @file What methods share that see an image once for every task, each time through what that task has trained. */
import type { Images, LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import type { AdaptedNetwork } from "../../network/adapted-network.ts";
import { featurePass } from "../../network/feature-pass.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { prefixed, withPrefix } from "../../tensor/prefix.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Learner, TaskBeginning, TaskData, Traits } from "../method.ts";
import { adapterTraits } from "./adapter-learner.ts";
import type { TaskTraining } from "./task-training.ts";

/** Traits of a method that extends `EnsembleLearner` and classifies what it sees itself. */
export const ensembleTraits: Traits = {
  ...adapterTraits,
  grows: ["classes", "tasks"],
  heads: ["rows"],
  forwardPasses: "tasks",
};

const UNTRAINED = "untrained.";

/** A learner that keeps values of every task and sees images through all of them, side by side. */
export abstract class EnsembleLearner implements Learner {
  protected readonly network: AdaptedNetwork;
  /** What classes are seen through that came before any training: it changes nothing. */
  #untrained: Tensors | undefined;
  /** Of all tasks that have trained. */
  #trained: readonly Tensors[] = [];
  #training: TaskTraining | undefined;

  constructor(network: AdaptedNetwork) {
    this.network = network;
  }

  abstract readonly classify: OwnClassifier;

  /** Values of a task's own before its training: they change nothing. */
  protected abstract fresh(task: number): Record<string, Tensor>;

  /** The training of a task's own values. */
  protected abstract open(task: TaskData, fresh: Tensors): TaskTraining;

  /** Takes over what a task has trained besides its own values. */
  protected fold(_: TaskTraining): void {}

  /** Frees what a task's training has of its own, once it is over or has come to nothing. */
  protected async release(): Promise<void> {}

  /** Takes in the features of a task's images, through the values of all `tasks`, side by side. */
  protected abstract learn(seen: LabeledFeatures, tasks: number): void;

  /** What is kept besides values of tasks. */
  protected abstract ownState(): Record<string, Tensor>;

  protected abstract loadOwn(state: Tensors): void;

  /** What images are seen through: values of every task and, before any training, those that change nothing. */
  protected get passes(): readonly Tensors[] {
    return this.tasks > 0 ? this.#kept : [this.fresh(0)];
  }

  get #kept(): readonly Tensors[] {
    return this.#untrained === undefined ? this.#trained : [this.#untrained, ...this.#trained];
  }

  /** Values of the tasks that have trained. */
  protected get trained(): readonly Tensors[] {
    return this.#trained;
  }

  /** Tasks whose values are kept, those before any training as one. */
  protected get tasks(): number {
    return this.#kept.length;
  }

  get width(): number {
    return this.network.width * this.passes.length;
  }

  get notes(): string[] {
    return ["an image is seen through what every task has trained: it takes a forward pass for each"];
  }

  plan(classes: readonly number[]): "none" | "first" | "later" {
    if (classes.length < 2) return "none";
    return this.#trained.length === 0 ? "first" : "later";
  }

  untrainable(classes: readonly number[]): string | undefined {
    return classes.length < 2 ? "it has one class, and cross-entropy over one class is constant" : undefined;
  }

  async begin(task: TaskData): Promise<TaskBeginning> {
    await this.release();
    this.#training = this.plan(task.classes) === "none" ? undefined : this.open(task, this.fresh(task.index));
    return { training: this.#training };
  }

  async end(task: TaskData): Promise<LabeledFeatures | undefined> {
    const training = this.#training;
    this.#training = undefined;
    const fresh = this.fresh(task.index);
    if (training !== undefined) {
      training.closeRows(); // refuses what has diverged
      const own = Object.keys(fresh).map((name) => [name, training.value(name)] as const);
      this.#trained = [...this.#trained, Object.fromEntries(own)];
      this.fold(training);
    } else if (this.#trained.length === 0) this.#untrained ??= fresh;
    this.learn(await featurePass(task.pass("prototypes"), (images) => this.features(images)), this.tasks);
    this.loadOwn(this.state()); // continue from what is saved: a resumed run must compute the same
    await this.release();
    return undefined;
  }

  /** Through every task's values, side by side. [count, passes · d] */
  async features(images: Images): Promise<Float32Array> {
    const all = this.passes;
    const width = this.network.width;
    const features = new Float32Array(images.count * all.length * width);
    for (const [task, values] of all.entries()) {
      const own = await this.network.features(images, values);
      for (let i = 0; i < images.count; i++)
        features.set(own.subarray(i * width, (i + 1) * width), (i * all.length + task) * width);
    }
    return features;
  }

  state(): Record<string, Tensor> {
    const own = this.#trained.map((values, task) => prefixed(`tasks.${task}.`, values));
    const untrained = this.#untrained === undefined ? {} : prefixed(UNTRAINED, this.#untrained);
    return Object.assign(this.ownState(), untrained, ...own);
  }

  async load(state: Tensors): Promise<void> {
    await this.release();
    const valuesOf = (prefix: string): Tensors | undefined => {
      const own = withPrefix(prefix, state);
      return Object.keys(own).length === 0 ? undefined : own;
    };
    this.#untrained = valuesOf(UNTRAINED);
    const trained: Tensors[] = [];
    for (let own = valuesOf("tasks.0."); own !== undefined; own = valuesOf(`tasks.${trained.length}.`))
      trained.push(own);
    this.#trained = trained;
    this.loadOwn(state);
    this.#training = undefined;
  }

  async dispose(): Promise<void> {
    await this.release();
    await this.network.dispose();
  }
}
