/** @file The ways to classify that need class statistics alone: LDA and the nearest mean, both moved along with drift. */
import { z } from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ClassStatistics, type LinearClassifier, linearScores, unitRows } from "./class-statistics.ts";
import { Discriminant } from "./discriminant.ts";

/** Options of class statistics under a frozen network; spread them into a method's options. */
export const frozenStatisticsOptions = {
  shrinkage: z.number().positive().default(0.1).describe("ridge of the LDA covariance, in mean diagonals"),
  betweenScatter: z
    .boolean()
    .default(true)
    .describe("a class seen again adds the distance of its means to the scatter"),
};

/** Options of class statistics where training moves the features. */
export const statisticsOptions = {
  driftCompensation: z.boolean().default(true).describe("move old class statistics along with the features"),
  driftRidge: z.number().positive().default(1).describe("ridge of the drift map, in mean diagonals (rho)"),
  ...frozenStatisticsOptions,
};

/** Values of `statisticsOptions`. */
export type StatisticsOptions = z.infer<z.ZodObject<typeof statisticsOptions>>;

/** Classifiers over class statistics that follow the features from task to task. */
export class StatisticsReadout {
  readonly #options: StatisticsOptions;
  #statistics: ClassStatistics;
  /** Fitted at the first question after a change, as every predicted batch asks. */
  #discriminant: Discriminant | undefined;
  #prototypes: LinearClassifier | undefined;

  constructor(width: number, options: StatisticsOptions) {
    this.#options = options;
    this.#statistics = new ClassStatistics(width);
  }

  /** Whether any class is known: only then is there something to compensate. */
  get empty(): boolean {
    return this.#statistics.classes.length === 0;
  }

  /** Folds a task in: `before` are the same images' features before the task trained, if it did. */
  update(after: LabeledFeatures, before: LabeledFeatures | undefined): void {
    const { driftCompensation, driftRidge, betweenScatter } = this.#options;
    if (before !== undefined && driftCompensation) {
      this.#statistics.compensate(before.features, after.features, driftRidge);
    }
    this.#statistics.add(after, { betweenScatter });
    this.load(this.tensors()); // continue from what is saved: a resumed run must compute the same
  }

  /** Calibrated LDA. [n, classCount] */
  lda(features: Float32Array, classCount: number): Float32Array {
    return this.#fitted().scores(features, classCount);
  }

  /** Cosine to the class means. [n, classCount] */
  ncm(features: Float32Array, classCount: number): Float32Array {
    this.#prototypes ??= this.#statistics.prototypes();
    const { width } = this.#statistics;
    return linearScores(this.#prototypes, unitRows(features, width), width, classCount);
  }

  /** How far each image is from every class: `Discriminant.distances`; null without classes. [n] */
  distances(features: Float32Array): Float32Array | null {
    return this.empty ? null : this.#fitted().distances(features);
  }

  tensors(): Record<string, Tensor> {
    return this.#statistics.tensors("statistics.");
  }

  load(tensors: Tensors): void {
    this.#statistics = ClassStatistics.from(tensors, "statistics.");
    this.#discriminant = undefined;
    this.#prototypes = undefined;
  }

  #fitted(): Discriminant {
    this.#discriminant ??= new Discriminant(this.#statistics, this.#options.shrinkage);
    return this.#discriminant;
  }
}
