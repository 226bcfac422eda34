/** @file The ways to classify that methods share: the trained rows, and LDA on drift-compensated statistics. */
import { z } from "zod";
import type { Tensors } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { ClassStatistics, type LabelledFeatures } from "./class-statistics.ts";
import { Discriminant } from "./discriminant.ts";

/** Options of the LDA readout; spread them into a method's options. */
export const statisticsOptions = {
  driftCompensation: z.boolean().default(true).describe("move old class statistics along with the features"),
  driftRidge: z.number().positive().default(1).describe("ridge of the drift map, in mean diagonals (rho)"),
  shrinkage: z.number().positive().default(0.1).describe("ridge of the LDA covariance, in mean diagonals"),
  betweenScatter: z
    .boolean()
    .default(true)
    .describe("a class seen again adds the distance of its means to the scatter"),
};

/** Values of `statisticsOptions`. */
export type StatisticsOptions = z.infer<z.ZodObject<typeof statisticsOptions>>;

/** LDA over class statistics that follow the features from task to task. */
export class DiscriminantReadout {
  readonly #options: StatisticsOptions;
  #statistics: ClassStatistics;
  /** Fitted at the first question after a change. */
  #fitted: Discriminant | undefined;

  constructor(width: number, options: StatisticsOptions) {
    this.#options = options;
    this.#statistics = new ClassStatistics(width);
  }

  /** Whether any class is known: only then is there something to compensate. */
  get empty(): boolean {
    return this.#statistics.classes.length === 0;
  }

  /** Folds a task in: `before` are the same images' features before the task trained, if it did. */
  update(after: LabelledFeatures, before: LabelledFeatures | undefined): void {
    const { driftCompensation, driftRidge, betweenScatter } = this.#options;
    if (before !== undefined && driftCompensation) {
      this.#statistics.compensate(before.features, after.features, driftRidge);
    }
    this.#statistics.add(after, { betweenScatter });
    this.load(this.tensors()); // continue from what is saved: a resumed run must compute the same
  }

  /** [n, classCount] */
  scores(features: Float32Array, classCount: number): Float32Array {
    return this.#discriminant().scores(features, classCount);
  }

  /** How far each image is from every class: `Discriminant.distances`; null without classes. [n] */
  distances(features: Float32Array): Float32Array | null {
    return this.empty ? null : this.#discriminant().distances(features);
  }

  tensors(): Record<string, Tensor> {
    return this.#statistics.tensors("statistics.");
  }

  load(tensors: Tensors): void {
    this.#statistics = ClassStatistics.from(tensors, "statistics.");
    this.#fitted = undefined;
  }

  #discriminant(): Discriminant {
    this.#fitted ??= new Discriminant(this.#statistics, this.#options.shrinkage);
    return this.#fitted;
  }
}
