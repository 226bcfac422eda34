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
  /** Views of an image, drawn once a task, of which an epoch takes one; left out, every epoch draws its own. */
  readonly fixedViews?: number | undefined;
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

/** When and on what accuracy is measured. */
export interface EvaluationPlan {
  /** After which tasks: all, every so many and the last, the last alone, or none. */
  readonly after: "all" | "last" | "none" | number;
  /** On the test images of the tasks so far, or of all tasks of the stream: those to come, too. */
  readonly tasks: "seen" | "all";
  /** Also each time so many training images have been taken in. */
  readonly everyImages?: number | undefined;
  /** Of what is wrong after the last task, so many images are named, the surest first. */
  readonly mistakes?: number | undefined;
}

/** After every task, on the tasks so far. */
export const DEFAULT_EVALUATION: EvaluationPlan = { after: "all", tasks: "seen" };

/** Whether accuracy is measured after task `index` of `count`. */
export function isDue({ after }: EvaluationPlan, index: number, count: number): boolean {
  if (after === "none") return false;
  const last = index === count - 1;
  return last || after === "all" || (after !== "last" && (index + 1) % after === 0);
}
