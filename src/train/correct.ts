/** @file Right answers among scores. */
import type { Batch } from "../data/dataset.ts";

/**
 * Images whose highest score is their label's; of equal scores the first class counts. A row without any finite
 * score is no answer: a readout that knows no class yet must not be right about class 0.
 * scores: [count, classes]
 */
export function countCorrect(
  scores: Float32Array,
  { labels, count }: Pick<Batch, "labels" | "count">,
): number {
  const classes = scores.length / count;
  let correct = 0;
  for (let row = 0; row < count; row++) {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    let best = -1;
    let highest = Number.NEGATIVE_INFINITY;
    for (const [label, score] of own.entries()) {
      if (score > highest) [best, highest] = [label, score];
    }
    if (best === labels[row]) correct++;
  }
  return correct;
}
