/** @file What methods that train an adapted network share: only what they train differs. */
import type { Images, LabeledFeatures } from "../../data/dataset.ts";
import type { OwnClassifier } from "../../heads/head.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { featurePass } from "../../network/feature-pass.ts";
import type { ServedNetwork } from "../../network/served-network.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Learner, MethodContext, TaskBeginning, TaskData, Traits } from "../method.ts";
import { COSINE_SCALE, PLAIN_RECIPE, type Recipe, recipeTraining } from "./recipe.ts";
import type { TaskTraining, TaskTrainingOptions } from "./task-training.ts";
import { TrainedRows } from "./trained-rows.ts";

/** Traits of a method that extends `AdapterLearner` and keeps nothing a task. */
export const adapterTraits: Traits = {
  protocol: "continual",
  grows: ["classes"],
  trains: "every task",
  trained: "added values",
  heads: "any",
  ownClassifier: true,
  precisions: ["float32", "int8"],
  forwardPasses: 1,
};

/** A task in training. It lives in memory alone, and only until the task ends. */
export interface OpenTask {
  /** Features of the task's images under the model so far, where the method has them anyway. */
  readonly before?: LabeledFeatures | undefined;
  readonly training: TaskTraining;
  /** Takes over what the task has trained. */
  fold(): void;
}

/** A learner with one adapted network and classifier rows. */
export abstract class AdapterLearner implements Learner {
  protected readonly context: MethodContext;
  protected readonly network: AdaptedNetwork;
  protected rows: TrainedRows;
  readonly #recipe: Recipe;
  #open: OpenTask | undefined;

  /** @param scale of rows that score by cosines; default: as the recipe says */
  constructor(
    context: MethodContext,
    adaptations: readonly Adaptation[],
    { rows, rowStart, distillation }: Recipe = PLAIN_RECIPE,
    scale = rows === "cosine" ? COSINE_SCALE : undefined,
  ) {
    this.context = context;
    this.network = new AdaptedNetwork(context, adaptations);
    this.rows = new TrainedRows(this.network.width, scale);
    this.#recipe = { rows, rowStart, distillation };
  }

  /** Whether no task has trained anything yet. */
  protected get untrained(): boolean {
    return this.rows.empty;
  }

  /** Features of a task's images under the model so far, where the recipe asks for them. */
  protected async recipeFeatures(task: TaskData): Promise<LabeledFeatures | undefined> {
    if (this.#recipe.rowStart === "zero") return undefined;
    return featurePass(task.pass("features before"), (images) => this.features(images));
  }

  /** What the recipe makes of a task's training. `before`: what `recipeFeatures` gave, or the same from elsewhere. */
  protected recipeTraining(
    { index, classes }: TaskData,
    before: LabeledFeatures | undefined,
  ): Partial<TaskTrainingOptions> {
    const { seed } = this.context;
    return recipeTraining(this.#recipe, { seed, index, absent: this.rows.shareBesides(classes), before });
  }

  /** What the graphs are fed besides images, frozen weights and the rows. */
  protected abstract readonly values: Tensors;

  /** Prepares the training of a task of two classes or more. */
  protected abstract open(task: TaskData): Promise<OpenTask>;

  /** What is kept besides the rows. */
  protected abstract ownState(): Record<string, Tensor>;

  protected abstract loadOwn(state: Tensors): void;

  /** What else the method learns from a task's images once it has learned them; their features, if it has them then. */
  protected async observe(_: TaskData): Promise<LabeledFeatures | undefined> {
    return undefined;
  }

  /** Frees what a task's training has of its own, once it is over or has come to nothing. */
  protected async release(): Promise<void> {}

  get width(): number {
    return this.network.width;
  }

  readonly classify: OwnClassifier = Object.assign(
    (features: Float32Array, classCount: number) => this.rows.scores(features, classCount),
    { linear: () => this.rows.classifier() },
  );

  /** Local cross-entropy over one class is constant: such a task trains nothing. */
  plan(classes: readonly number[]): "none" | "first" | "later" {
    if (classes.length < 2) return "none";
    return this.untrained ? "first" : "later";
  }

  untrainable(classes: readonly number[]): string | undefined {
    return classes.length < 2 ? "it has one class, and cross-entropy over one class is constant" : undefined;
  }

  async begin(task: TaskData): Promise<TaskBeginning> {
    await this.release();
    this.#open = this.plan(task.classes) === "none" ? undefined : await this.open(task);
    return { training: this.#open?.training, before: this.#open?.before };
  }

  async end(task: TaskData): Promise<LabeledFeatures | undefined> {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) {
      open.training.closeRows();
      open.fold();
      this.network.merge(this.values);
    }
    const features = await this.observe(task);
    await this.release();
    return features;
  }

  features(images: Images): Promise<Float32Array> {
    return this.network.features(images);
  }

  served(): ServedNetwork {
    return this.network.served(this.values);
  }

  state(): Record<string, Tensor> {
    return { ...this.ownState(), ...this.rows.tensors("head.") };
  }

  async load(state: Tensors): Promise<void> {
    await this.release();
    this.loadOwn(state);
    this.rows = TrainedRows.from(state, "head.", this.rows.scale);
    this.network.merge(this.values);
  }

  async dispose(): Promise<void> {
    await this.release();
    await this.network.dispose();
  }
}
