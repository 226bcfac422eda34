/** @file Where a pre-training stands. */

import type { Tensor } from "../tensor/tensor.ts";
import { decodeSaved, encodeSaved } from "../train/saved-state.ts";

const VERSION = "1";

/** One point of the accuracy curve. */
export interface CurvePoint {
  /** Epochs and steps done. */
  readonly epoch: number;
  readonly step: number;
  /** Means over the epoch. */
  readonly crossEntropy: number;
  readonly featureError: number | null;
  /** Share of the validation images that are classified correctly. */
  readonly accuracy: number;
  /** The same with the running average of the weights; null without one. model/ holds it where it does better. */
  readonly averagedAccuracy: number | null;
  /** Seconds of training so far, over all resumed parts. */
  readonly seconds: number;
}

/** Accuracy of the network that model/ holds. */
export const bestAccuracy = ({ accuracy, averagedAccuracy }: CurvePoint): number =>
  Math.max(accuracy, averagedAccuracy ?? 0);

/** What is counted along the way. Plain JSON. */
export interface PretrainingRecord {
  readonly curve: CurvePoint[];
  /** Sums over the steps of the epoch at hand. */
  epochCrossEntropy: number;
  epochFeatureError: number;
  /** Seconds of training so far. */
  seconds: number;
}

/** The record of a pre-training that has not begun. */
export const emptyPretrainingRecord = (): PretrainingRecord => ({
  curve: [],
  epochCrossEntropy: 0,
  epochFeatureError: 0,
  seconds: 0,
});

/** A point a pre-training can continue from. */
export interface PretrainingCheckpoint {
  /** Steps done. */
  readonly step: number;
  readonly record: PretrainingRecord;
  /** Events told so far: a resumed run drops later ones from the log. */
  readonly events: number;
  /** Parameters (the head and the map to the teacher's features among them) and the optimizer's state. */
  readonly state: Readonly<Record<string, Tensor>>;
}

/** The checkpoint as a safetensors file. */
export function encodePretraining({ state, ...position }: PretrainingCheckpoint): Uint8Array {
  return encodeSaved(position, state, VERSION);
}

/** Reads what `encodePretraining` wrote. @throws InputError if the file is damaged or another version's. */
export function decodePretraining(bytes: Uint8Array, file: string): PretrainingCheckpoint {
  const { position, tensors } = decodeSaved(bytes, file, VERSION);
  return { ...(position as Omit<PretrainingCheckpoint, "state">), state: tensors };
}
