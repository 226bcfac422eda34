/** @file How features move when a network trains on: fitted on images seen before and after, applied to what is kept of others. */
import type * as z from "zod";

/** Where features went. It is applied to statistics of classes whose images are gone. */
export interface DriftMap {
  /** Where features are now. [n, d] -> [n, d] */
  points(rows: Float64Array): Float64Array;
  /** What differences of two features have become. [n, d] -> [n, d] */
  differences(rows: Float64Array): Float64Array;
  /** What Σ g gᵀ of differences g has become. [d, d] -> [d, d] */
  scatter(sum: Float64Array): Float64Array;
}

/** One way to fit such a map. */
export interface Drift<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** One sentence for the list. */
  readonly summary: string;
  /** Paper, or "ours". */
  readonly source: string;
  readonly options: Options;
  /** How many scrambled views of each of a task's images it is fitted on besides unless told otherwise; none if left out. */
  views?(images: number): number;
  /**
   * Fits the map on features [n, width] of the same images before and after training.
   * @returns undefined where nothing is to be moved
   */
  fit(
    before: Float32Array,
    after: Float32Array,
    width: number,
    options: z.output<Options>,
  ): DriftMap | undefined;
}

/** A `Drift` of any options: what a list of them holds. */
export type AnyDrift = Omit<Drift, "fit"> & {
  fit(before: Float32Array, after: Float32Array, width: number, options: never): DriftMap | undefined;
};

/** Keeps the options' types while a drift map is defined. */
export function defineDrift<Options extends z.ZodObject>(drift: Drift<Options>): Drift<Options> {
  return drift;
}
