/** @file Right answers among scores. */
import type { Batch } from "../data/dataset.ts";

/**
 * For every image whether its highest score is its label's; of equal scores the first class counts. A row without any
 * finite score is no answer: a readout that knows no class yet must not be right about class 0.
 * scores: [count, classes]
 */
export function correctRows(
  scores: Float32Array,
  { labels, count }: Pick<Batch, "labels" | "count">,
): boolean[] {
  const classes = scores.length / count;
  return Array.from({ length: count }, (_, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    let best = -1;
    let highest = Number.NEGATIVE_INFINITY;
    for (const [label, score] of own.entries()) {
      if (score > highest) [best, highest] = [label, score];
    }
    return best === labels[row];
  });
}
