/** @file The shape of metrics.json: a stable interface that others script against. */

/** Accuracy of one way to classify (a "readout") over the whole stream. */
export interface ReadoutMetrics {
  /** R[t][i]: accuracy on task i after task t, 0 to 1; null where not evaluated. */
  readonly accuracyMatrix: readonly (readonly (number | null)[])[];
  /** Correct over all test images seen so far, per t. */
  readonly accuracyMicro: readonly number[];
  /** Mean of R[t][0..t], per t. */
  readonly accuracyMacro: readonly number[];
  /** Micro accuracy after the last task. */
  readonly lastAccuracy: number;
  /** Mean of the micro accuracies over t. */
  readonly averageAccuracy: number;
  /** Mean over i < T of max over t of R[t][i] - R[T][i]; 0 for one task. */
  readonly forgetting: number;
  /** Mean over i < T of R[T][i] - R[i][i]; 0 for one task. */
  readonly backwardTransfer: number;
}

/** The contents of metrics.json. The top-level readout is the method's own choice; all of them are in `readouts`. */
export interface RunMetrics extends ReadoutMetrics {
  readonly method: string;
  readonly benchmark: string;
  readonly backbone: string;
  readonly seed: number;
  /** Null where the classes or domains came in their own order. */
  readonly orderSeed: number | null;
  /** Numbers trained in each task. */
  readonly trainableParameters: readonly number[];
  /** Bytes of the method's saved state after each task (without the frozen backbone). */
  readonly stateBytes: readonly number[];
  /** Chosen rank per task and adapted site. */
  readonly ranks: readonly Readonly<Record<string, number>>[];
  /** Training images per second, evaluation and statistics passes left out, waiting for decoded images included. */
  readonly imagesPerSecond: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
  /** Seconds each task took, training, statistics and evaluation included. */
  readonly taskSeconds: readonly number[];
  /** Accuracies are on test images, or on held-out training images while settings are chosen. */
  readonly evaluatedOn: "test" | "validation";
  /** Decoded images of each task that accuracy was measured on, which `accuracyMicro` weighs by. */
  readonly testImages: readonly number[];
  readonly taskNames: readonly string[];
  /** Name of the readout at the top level. */
  readonly readout: string;
  readonly readouts: Readonly<Record<string, ReadoutMetrics>>;
}
