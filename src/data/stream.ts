/** @file A data set cut into tasks. */
import type { Dataset, Sample } from "./dataset.ts";

/** One step of a stream. Labels in `train` and `test` are still the data set's; `TaskStream.position` maps them. */
export interface Task {
  readonly index: number;
  readonly name: string;
  /** Stream positions of the classes this task trains on (all of them in a domain stream). */
  readonly classes: readonly number[];
  readonly train: readonly Sample[];
  readonly validation: readonly Sample[];
  readonly test: readonly Sample[];
}

/** The tasks of one run, in order. */
export interface TaskStream {
  readonly dataset: Dataset;
  readonly kind: "class-incremental" | "domain-incremental";
  readonly tasks: readonly Task[];
  /** Class names by stream position. */
  readonly classNames: readonly string[];
  /** Data-set label -> stream position. */
  readonly position: readonly number[];
}
