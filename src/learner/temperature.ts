/** @file The temperature that makes probabilities as sure as they are right, fitted on held-out images. */

/** Temperatures are sought from 1 to this: a few images that are all right must not make answers surer than the head is. */
const HIGHEST = 1000;
/** To a millionth. */
const HALVINGS = 23;

/**
 * Logarithm of the temperature with the least negative log-likelihood of the labels; the likelihood is convex in the
 * inverse temperature, so that halving finds the root of its slope, Σ (E[score] − score of the label).
 * @param scores −∞ for classes not known. [n, columns]
 */
export function fitLogTemperature(scores: Float32Array, labels: Int32Array, columns: number): number {
  let [low, high] = [1 / HIGHEST, 1]; // of the inverse
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    if (slope(middle, scores, labels, columns) >= 0) high = middle;
    else low = middle;
  }
  return -Math.log(Math.sqrt(low * high));
}

function slope(inverse: number, scores: Float32Array, labels: Int32Array, columns: number): number {
  let sum = 0;
  for (const [row, label] of labels.entries()) {
    const own = scores.subarray(row * columns, (row + 1) * columns);
    const highest = own.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
    let [total, weighted] = [0, 0];
    for (const score of own) {
      if (score === Number.NEGATIVE_INFINITY) continue;
      const weight = Math.exp((score - highest) * inverse);
      total += weight;
      weighted += weight * score;
    }
    sum += weighted / total - own[label]!;
  }
  return sum;
}
