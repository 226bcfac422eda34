/** @file Answers among scores. */

/** The probability of a row's highest score among the others: the head's own, without further calibration. */
export function sureness(scores: Float32Array): number {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  return 1 / scores.reduce((sum, score) => sum + Math.exp(score - highest), 0);
}

/** No class: what a readout says that knows none yet. */
export const NO_ANSWER = -1;

/**
 * For every image the class of its highest score; of equal scores the first class counts. A row without any finite score
 * is no answer: a readout that knows no class yet must not be right about class 0.
 * scores: [count, classes]
 */
export function answersOf(scores: Float32Array, count: number): number[] {
  const classes = scores.length / count;
  return Array.from({ length: count }, (_, row) => {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    let best = NO_ANSWER;
    let highest = Number.NEGATIVE_INFINITY;
    for (const [label, score] of own.entries()) {
      if (score > highest) [best, highest] = [label, score];
    }
    return best;
  });
}
