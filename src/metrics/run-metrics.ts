/** @file The shape of metrics.json: a stable interface that others script against. */

/** Accuracy of one head (in files and tables also a "readout") over the whole stream. Null stands for what was not evaluated. */
export interface ReadoutMetrics {
  /** R[t][i]: accuracy on task i after task t, 0 to 1; a row without entries where task t was not evaluated. */
  readonly accuracyMatrix: readonly (readonly (number | null)[])[];
  /** Correct over all test images seen so far, per t. */
  readonly accuracyMicro: readonly (number | null)[];
  /** Mean of R[t][0..t], per t. */
  readonly accuracyMacro: readonly (number | null)[];
  /** Correct over the test images of all tasks, those to come included, per t. */
  readonly accuracyAllTasks: readonly (number | null)[];
  /** Correct over the test images seen so far, per t and domain; no rows where all are of one domain. */
  readonly domainAccuracy: readonly (readonly (number | null)[])[];
  /** Micro accuracy after the last task. */
  readonly lastAccuracy: number | null;
  /** Mean of the micro accuracies over t; null unless every task was evaluated. */
  readonly averageAccuracy: number | null;
  /** Mean over i < T of max over t of R[t][i] - R[T][i]; 0 for one task; null unless every task was evaluated. */
  readonly forgetting: number | null;
  /** Mean over i < T of R[T][i] - R[i][i]; 0 for one task; null unless every R[i][i] and the last row are there. */
  readonly backwardTransfer: number | null;
  /** Mean over i > 0 of R[i-1][i] - chance; null in class-incremental streams and where a task was not evaluated before it came. */
  readonly forwardTransfer: number | null;
  /** Accuracy over the test images of all classes met so far, at each of `anytimeImages`. */
  readonly anytimeCurve: readonly number[];
  /** A_AUC, the mean of `anytimeCurve`; null without it. */
  readonly anytimeAccuracy: number | null;
  /** Bytes that the method and this head alone would keep after each task. Left out by versions that did not know it. */
  readonly stateBytes?: readonly number[];
}

/** What kind of method it was: see `Traits` of src/methods. */
export interface MethodTraits {
  readonly grows: readonly string[];
  readonly trains: string;
  readonly trained: string;
  /** Forward passes that classifying an image took. */
  readonly forwardPasses: number | string;
}

/** Images of one class that one answer was given for; -1 is no class: `[class, answer, images]`. */
export type Confusion = readonly [label: number, answer: number, images: number];

/** What comes of the same stream without training: the frozen backbone's features, classified. */
export interface Baseline {
  readonly method: string;
  /** Micro accuracy after the last task, on the same images. */
  readonly lastAccuracy: number | null;
}

/** The contents of metrics.json. The top-level readout is the first head; all of them are in `readouts`. */
export interface RunMetrics extends ReadoutMetrics {
  readonly method: string;
  /** Left out by versions that did not know it. */
  readonly traits?: MethodTraits | undefined;
  readonly benchmark: string;
  /** The data set with its split, where a benchmark has several: "imagenet-r (80 to 20 by seed 1993)". */
  readonly dataset: string;
  /** How it was cut into tasks: "class-incremental, B50". */
  readonly protocol: string;
  readonly backbone: string;
  readonly seed: number;
  /** Null where the classes or domains came in their own order. */
  readonly orderSeed: number | null;
  /** Numbers trained in each task. */
  readonly trainableParameters: readonly number[];
  /** Tasks, counted from 0, that trained nothing where others do: tasks of one class. */
  readonly untrainedTasks?: readonly number[] | undefined;
  /** Bytes of the saved state after each task, all heads' (without the frozen backbone). */
  readonly stateBytes: readonly number[];
  /** Chosen rank per task and adapted site. */
  readonly ranks: readonly Readonly<Record<string, number>>[];
  /** Training images per second, evaluation and statistics passes left out, waiting for decoded images included. */
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
  /** Seconds each task took, training, statistics and evaluation included. */
  readonly taskSeconds: readonly number[];
  /** Of these, the seconds that evaluation took: it grows with the tasks seen. */
  readonly evaluationSeconds: readonly number[];
  /** Accuracies are on test images, or on held-out training images while settings are chosen. */
  readonly evaluatedOn: "test" | "validation";
  /** Decoded images of each task that accuracy was measured on, which `accuracyMicro` weighs by. */
  readonly testImages: readonly number[];
  readonly taskNames: readonly string[];
  /** All classes in the order of the stream. Left out by versions that did not know it, as the next two. */
  readonly classNames?: readonly string[] | undefined;
  /** What the reported head said after the last task, right answers included; empty where that was not evaluated. */
  readonly confusions?: readonly Confusion[] | undefined;
  /** Where it was measured along. */
  readonly baseline?: Baseline | undefined;
  /** Columns of `domainAccuracy`. */
  readonly domainNames: readonly string[];
  /** Training images taken in, repeated epochs included, at each point of `anytimeCurve`. */
  readonly anytimeImages: readonly number[];
  /** Name of the head at the top level. */
  readonly readout: string;
  readonly readouts: Readonly<Record<string, ReadoutMetrics>>;
}
