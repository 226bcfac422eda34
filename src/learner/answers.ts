/** @file From scores to answers: calibrated probabilities, and whether an image is of no known class. */
import { InputError, optionText } from "../tensor/errors.ts";
import type { LearnerRecord } from "./record.ts";

/** The label of an image that is of no known class. */
export const UNKNOWN = "unknown";

/** What a model says about one image. */
export interface Prediction {
  /** Name of the likeliest class, or "unknown". */
  readonly label: string;
  /** Whether the image is taken for one of no known class. */
  readonly unknown: boolean;
  /** Known classes, the likeliest first, as if the image were of one of them. */
  readonly classes: readonly ClassProbability[];
  /** How little the image looks like any known class; null where no head can tell. */
  readonly strangeness: number | null;
  /** Squared Mahalanobis distance to the nearest class per feature dimension; null where no head can tell. */
  readonly distance: number | null;
}

/** A class and how likely it is. */
export interface ClassProbability {
  readonly className: string;
  readonly probability: number;
}

/** What scores are read with. */
export interface AnswerKey {
  /** By position. */
  readonly classNames: readonly string[];
  /** Positions of classes that are no answer any more. */
  readonly removed: readonly number[];
  /** Scores are divided by it. */
  readonly temperature: number;
  /** What is stranger is unknown. */
  readonly threshold: number;
  /** Of features. */
  readonly width: number;
}

/** The key of a model as its file describes it. Without held-out images, as in a run, nothing is unknown. */
export const keyOf = (
  {
    classNames,
    learner,
  }: { readonly classNames: readonly string[]; readonly learner?: LearnerRecord | undefined },
  width: number,
  threshold = learner?.calibration.threshold ?? Number.POSITIVE_INFINITY,
): AnswerKey => ({
  classNames,
  removed: learner?.removed ?? [],
  temperature: Math.exp(learner?.calibration.logTemperature ?? 0),
  threshold,
  width,
});

/** Reads one row of scores. @throws InputError if no class has a score */
export function answerOf(scores: Float32Array, distance: number | null, key: AnswerKey): Prediction {
  const classes = likeliest(scores, key);
  const strange = distance === null ? null : strangeness(scores, distance, key.width);
  const unknown = strange !== null && strange > key.threshold;
  return {
    label: unknown ? UNKNOWN : classes[0]!.className,
    unknown,
    classes,
    strangeness: strange,
    distance,
  };
}

/**
 * The distance to the nearest class, less how far its score stands out from the others', both per feature dimension:
 * an image of no class is far from all of them, and from all of them alike. Without a distance the scores alone tell.
 */
export function strangeness(scores: Float32Array, distance: number | null, width: number): number {
  const known = scores.filter((score) => score !== Number.NEGATIVE_INFINITY);
  const highest = known.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  const mean = known.reduce((sum, score) => sum + score, 0) / known.length;
  return (distance ?? 0) - (highest - mean) / width;
}

/** The likeliest class first: the softmax of the scores of those that can be an answer. @throws InputError if none has a score */
function likeliest(
  scores: Float32Array,
  { classNames, removed, temperature }: AnswerKey,
): ClassProbability[] {
  const all = classNames.flatMap((className, position) =>
    removed.includes(position) ? [] : [{ className, score: scores[position]! }],
  );
  const highest = all.reduce((most, { score }) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  if (highest === Number.NEGATIVE_INFINITY) {
    throw new InputError(`this head has learned no class yet: choose another with ${optionText("readout")}`);
  }
  const weights = all.map(({ score }) => Math.exp((score - highest) / temperature));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return all
    .map(({ className }, i) => ({ className, probability: weights[i]! / sum }))
    .sort((a, b) => b.probability - a.probability);
}
