/** @file What held-out images say about answers: how sure to be, and how strange an image of a known class may look. */
import { bestTemperature } from "../heads/temperature.ts";
import { strangeness } from "./answers.ts";
import type { LearnerRecord } from "./record.ts";

/** Fewer held-out images say nothing. */
const LEAST_IMAGES = 8;
/** Of the images of known classes, so many are to be taken for known ones. */
const KNOWN_SHARE = 0.95;

/** A few images that are all right must not make answers surer than the head is. */
const TEMPERATURES = [1, 1000] as const;

/** Scores of held-out images, before these are learned. */
export interface HeldOutScores {
  /** [n, columns] */
  readonly scores: Float32Array;
  /** [n]; null where no head can tell. */
  readonly distances: Float32Array | null;
  readonly labels: Int32Array;
  readonly columns: number;
  readonly width: number;
}

/** The calibration so far and what these images say, weighted by images: of earlier ones nothing else is kept. */
export function calibrated(
  before: LearnerRecord["calibration"],
  { scores, distances, labels, columns, width }: HeldOutScores,
): LearnerRecord["calibration"] {
  const count = labels.length;
  if (count < LEAST_IMAGES) return before;
  const images = before.images + count;
  const mean = (old: number, now: number): number => (old * before.images + now * count) / images;
  const all = Array.from(labels, (_, row) =>
    strangeness(scores.subarray(row * columns, (row + 1) * columns), distances?.[row] ?? null, width),
  ).sort((a, b) => a - b);
  const threshold = all[Math.floor(KNOWN_SHARE * count)]!;
  return {
    logTemperature: mean(before.logTemperature, Math.log(bestTemperature(scores, labels, TEMPERATURES))),
    threshold: mean(before.threshold ?? threshold, threshold),
    images,
  };
}
