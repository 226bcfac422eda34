/**
 * @file EASE: adapters of a task's own beside the MLPs, frozen afterwards. An image is seen through the adapters of all tasks;
 * classes are told apart by prototypes under each of them.
 */
import * as z from "zod";
import type { Images, LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { adapters, initialAdapters } from "../../network/adapters.ts";
import { featurePass } from "../../network/feature-pass.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { prefixed, withPrefix } from "../../tensor/prefix.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import {
  defineMethod,
  type Learner,
  type MethodContext,
  type TaskBeginning,
  type TaskData,
  type Traits,
} from "../method.ts";
import { adapterTraits } from "../parts/adapter-learner.ts";
import { atRate, TaskTraining } from "../parts/task-training.ts";
import { TrainedRows } from "../parts/trained-rows.ts";
import { TaskPrototypes } from "./prototypes.ts";

const options = z.object({
  size: z.number().int().positive().default(64).describe("width of the adapters' bottleneck"),
  factor: z.number().positive().default(0.1).describe("what the adapters' output is multiplied by"),
  alpha: z.number().min(0).default(0.1).describe("weight of the adapters of other tasks in a class's score"),
  adapterRate: z.number().positive().default(1e-3).describe("learning rate of the adapters"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the rows that train them"),
  scaleRate: z.number().positive().default(0.05).describe("learning rate of the scale of their cosines"),
});
type Options = z.infer<typeof options>;

const traits: Traits = {
  ...adapterTraits,
  grows: ["classes", "tasks", "classes by tasks"],
  heads: ["rows"],
  forwardPasses: "tasks",
};

/** Expandable subspace ensemble. */
export const ease = defineMethod({
  name: "ease",
  summary: "adapters of a task's own, frozen; classes are told apart by prototypes under all of them",
  source: "Zhou et al., EASE, CVPR 2024, arXiv 2403.12030",
  options,
  traits,
  defaults: { heads: ["rows"], drift: "none" },
  create: (context, values) => new Ease(context, values),
});

class Ease implements Learner {
  readonly #context: MethodContext;
  readonly #options: Options;
  readonly #network: AdaptedNetwork;
  readonly #prototypes: TaskPrototypes;
  /** Of all tasks that have trained. */
  #adapters: Tensors[] = [];
  #training: TaskTraining | undefined;

  constructor(context: MethodContext, options: Options) {
    this.#context = context;
    this.#options = options;
    this.#network = new AdaptedNetwork(context, [adapters(context.backbone.config, options)]);
    this.#prototypes = new TaskPrototypes(this.#network.width);
  }

  get width(): number {
    return this.#network.width * this.#all.length;
  }

  get notes(): string[] {
    return ["an image is seen through the adapters of every task: it takes a forward pass for each"];
  }

  /** Before any training the network as it is. */
  get #all(): readonly Tensors[] {
    return this.#adapters.length > 0 ? this.#adapters : [this.#fresh(0)];
  }

  readonly classify: OwnClassifier = (features, classCount) =>
    this.#prototypes.scores(features, this.#all.length, classCount, this.#options.alpha);

  plan(classes: readonly number[]): "none" | "first" | "later" {
    if (classes.length < 2) return "none";
    return this.#adapters.length === 0 ? "first" : "later";
  }

  untrainable(classes: readonly number[]): string | undefined {
    return classes.length < 2 ? "it has one class, and cross-entropy over one class is constant" : undefined;
  }

  async begin({ classes, index }: TaskData): Promise<TaskBeginning> {
    this.#training = undefined;
    if (this.plan(classes) === "none") return {};
    const { adapterRate, headRate, scaleRate } = this.#options;
    this.#training = new TaskTraining({
      network: this.#network,
      classes,
      rows: new TrainedRows(this.#network.width), // thrown away after the task
      headRate,
      optimization: this.#context.optimization,
      fixed: {},
      direct: atRate(adapterRate, this.#fresh(index)),
      cosine: { rng: Rng.at(this.#context.seed, "rows", index), scale: { rate: scaleRate } },
      rates: ["adapterRate", "headRate", "scaleRate"],
    });
    return { training: this.#training };
  }

  async end(task: TaskData): Promise<LabeledFeatures | undefined> {
    const training = this.#training;
    this.#training = undefined;
    const fresh = this.#fresh(task.index);
    if (training !== undefined) {
      training.closeRows(); // refuses what has diverged
      const own = Object.keys(fresh).map((name) => [name, training.value(name)] as const);
      this.#adapters = [...this.#adapters, Object.fromEntries(own)];
    } else if (this.#adapters.length === 0) {
      this.#adapters = [fresh]; // a class that comes before any training has an adapter that adds nothing
    }
    const seen = await featurePass(task.pass("prototypes"), (images) => this.features(images));
    this.#prototypes.add(seen, this.#adapters.length);
    this.#prototypes.load(this.state()); // continue from what is saved: a resumed run must compute the same
    return undefined;
  }

  /** Through the adapters of every task, side by side. [count, tasks · d] */
  async features(images: Images): Promise<Float32Array> {
    const all = this.#all;
    const width = this.#network.width;
    const features = new Float32Array(images.count * all.length * width);
    for (const [task, values] of all.entries()) {
      const own = await this.#network.features(images, values);
      for (let i = 0; i < images.count; i++)
        features.set(own.subarray(i * width, (i + 1) * width), (i * all.length + task) * width);
    }
    return features;
  }

  state(): Record<string, Tensor> {
    const own = this.#adapters.map((values, task) => prefixed(`tasks.${task}.`, values));
    return Object.assign(this.#prototypes.tensors(this.#adapters.length), ...own);
  }

  async load(state: Tensors): Promise<void> {
    this.#adapters = [];
    for (let task = 0; ; task++) {
      const own = withPrefix(`tasks.${task}.`, state);
      if (Object.keys(own).length === 0) break;
      this.#adapters.push(own);
    }
    this.#prototypes.load(state);
    this.#training = undefined;
  }

  dispose(): Promise<void> {
    return this.#network.dispose();
  }

  #fresh(task: number): Record<string, Tensor> {
    const { backbone, seed } = this.#context;
    return initialAdapters(backbone.config, this.#options, [seed, "adapters", task]);
  }
}
