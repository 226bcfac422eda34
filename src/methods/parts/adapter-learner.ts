/** @file What methods that train low-rank updates of a frozen network share: only what they train differs. */
import type { Batch, Images, LabeledFeatures } from "../../data/dataset.ts";
import { linearScores } from "../../heads/class-statistics.ts";
import { type StatisticsOptions, StatisticsReadout } from "../../heads/readouts.ts";
import { TaskHead } from "../../heads/task-head.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedVit } from "../../network/adapted-vit.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { Learner, MethodContext, Scores, StepPosition, TaskData } from "../method.ts";
import type { TaskTraining } from "./task-training.ts";

/** The trained rows, or LDA on drift-compensated class statistics. */
export type AdapterReadout = "head" | "lda";

/** A task in training. It lives in memory alone, and only until the task ends. */
export interface OpenTask {
  /** Features of the task's images under the model so far; left out where no statistics can drift. */
  readonly before: LabeledFeatures | undefined;
  readonly training: TaskTraining;
  /** Takes over what the task has trained. */
  fold(): void;
}

/** A learner with one adapted network, classifier rows and class statistics. Without "lda" it keeps no statistics. */
export abstract class AdapterLearner implements Learner {
  readonly readouts: readonly AdapterReadout[];
  protected readonly context: MethodContext;
  protected readonly vit: AdaptedVit;
  protected readonly statistics: StatisticsReadout;
  protected head: TaskHead;
  #open: OpenTask | undefined;

  constructor(
    context: MethodContext,
    adaptation: Adaptation,
    readouts: readonly AdapterReadout[],
    options: StatisticsOptions,
  ) {
    this.readouts = readouts;
    this.context = context;
    this.vit = new AdaptedVit(context, adaptation);
    this.statistics = new StatisticsReadout(this.vit.width, options);
    this.head = new TaskHead(this.vit.width);
  }

  abstract readonly untrained: boolean;

  /** What the graphs are fed besides images, frozen weights and the head. */
  protected abstract readonly parameters: Tensors;

  /** Prepares the training of a task of two classes or more. */
  protected abstract open(task: TaskData): Promise<OpenTask>;

  /** Features of the task's images under the model that has learnt it, and what else the method learns from them. */
  protected abstract observe(task: TaskData): Promise<LabeledFeatures>;

  /** What is kept besides rows and statistics. */
  protected abstract ownState(): Record<string, Tensor>;

  protected abstract loadOwn(state: Tensors): void;

  /** Local cross-entropy over one class is constant: such a task updates statistics only. */
  trains(classes: readonly number[]): boolean {
    return classes.length >= 2;
  }

  get trainableParameters(): number {
    return this.#open?.training.size ?? 0;
  }

  async beginTask(task: TaskData): Promise<void> {
    this.#open = this.trains(task.classes) ? await this.open(task) : undefined;
  }

  trainStep(batch: Batch, position: StepPosition): Promise<number> {
    return this.#open!.training.step(batch, position);
  }

  async endTask(task: TaskData): Promise<void> {
    const open = this.#open;
    if (open !== undefined) {
      open.training.closeHead(this.head);
      open.fold();
      this.vit.merge(this.parameters);
    }
    const after = await this.observe(task);
    if (this.#keepsStatistics) this.statistics.update(after, open?.before);
    this.#open = undefined;
  }

  async predict(images: Images, classCount: number): Promise<Scores> {
    const features = await this.vit.features(images);
    const scores: Record<AdapterReadout, () => Float32Array> = {
      head: () => linearScores(this.head.classifier(), features, this.vit.width, classCount),
      lda: () => this.statistics.lda(features, classCount),
    };
    return Object.fromEntries(this.readouts.map((readout) => [readout, scores[readout]()]));
  }

  async distances(images: Images): Promise<Float32Array | null> {
    return this.statistics.distances(await this.vit.features(images));
  }

  state(): Record<string, Tensor> {
    return {
      ...this.ownState(),
      ...this.head.tensors("head."),
      ...(this.#keepsStatistics ? this.statistics.tensors() : {}),
    };
  }

  async load(state: Tensors): Promise<void> {
    this.loadOwn(state);
    this.head = TaskHead.from(state, "head.");
    if (this.#keepsStatistics) this.statistics.load(state);
    this.vit.merge(this.parameters);
  }

  trainingState(): Record<string, Tensor> {
    return this.#open?.training.state() ?? {};
  }

  loadTraining(state: Tensors): void {
    this.#open?.training.load(state);
  }

  dispose(): Promise<void> {
    return this.vit.dispose();
  }

  get #keepsStatistics(): boolean {
    return this.readouts.includes("lda");
  }
}
