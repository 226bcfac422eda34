/** @file How badly the network so far serves a new task: what asks for more rank, less protection and higher rates. Ours. */
import type { LabeledFeatures } from "../../data/dataset.ts";
import { ClassStatistics } from "../../heads/class-statistics.ts";
import { linearDiscriminant } from "../../heads/discriminant.ts";
import { linearScores } from "../../heads/linear-classifier.ts";
import { PROBE_SHRINKAGE } from "./probe.ts";

/**
 * Error of LDA on the task's own images over that of guessing, 0 to 1: either half of each class's images is judged by
 * what was fitted on the other. An image whose class the other half lacks counts as wrong.
 */
export function taskNeed({ features, labels }: LabeledFeatures, width: number): number {
  const seen = new Map<number, number>();
  const half = Array.from(labels, (label) => {
    const before = seen.get(label) ?? 0;
    seen.set(label, before + 1);
    return before % 2;
  });
  const part = (which: number): LabeledFeatures => {
    const rows = half.flatMap((own, row) => (own === which ? [row] : []));
    const taken = new Float32Array(rows.length * width);
    for (const [i, row] of rows.entries())
      taken.set(features.subarray(row * width, (row + 1) * width), i * width);
    return { features: taken, labels: Int32Array.from(rows, (row) => labels[row]!) };
  };
  const wrong = [0, 1].reduce((sum, which) => sum + mistakes(part(1 - which), part(which), width), 0);
  return Math.min(1, wrong / labels.length / (1 - 1 / seen.size));
}

/** How many of `judged` an LDA fitted on `known` answers wrong. */
function mistakes(known: LabeledFeatures, judged: LabeledFeatures, width: number): number {
  if (known.labels.length === 0) return judged.labels.length;
  const statistics = new ClassStatistics(width);
  statistics.add(known, { betweenScatter: false });
  const { classes, weight, bias } = linearDiscriminant(statistics, PROBE_SHRINKAGE);
  const places = { classes: classes.map((_, place) => place), weight, bias };
  const scores = linearScores(places, judged.features, width, classes.length);
  return judged.labels.reduce((wrong, label, row) => {
    const own = scores.subarray(row * classes.length, (row + 1) * classes.length);
    const best = own.reduce((at, score, place) => (score > own[at]! ? place : at), 0);
    return wrong + Number(classes[best] !== label);
  }, 0);
}
