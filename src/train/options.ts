/** @file How a run trains and what it is measured on. */
import type { Augmentation, Sample } from "../data/dataset.ts";
import type { Task } from "../data/stream.ts";

/** How long and on what to train. */
export interface TrainingOptions {
  /** Epochs of every task but the first that trains. */
  readonly epochs: number;
  /** Epochs of the first task that trains: it starts from nothing. */
  readonly firstEpochs: number;
  readonly batchSize: number;
  readonly augmentation: Augmentation;
  /** Evaluate on held-out training images instead of test images: for choosing settings. */
  readonly evaluateOn: "test" | "validation";
}

/** The images of a task that accuracy is measured on. */
export function evaluatedSamples(
  { test, validation }: Task,
  { evaluateOn }: Pick<TrainingOptions, "evaluateOn">,
): readonly Sample[] {
  return evaluateOn === "validation" ? validation : test;
}
