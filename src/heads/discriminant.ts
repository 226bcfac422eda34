/** @file LDA that says how sure it is: calibrated scores, and a distance for "none of these". */
import { meanDiagonal, product, ridgeFactor, solveFactored, transposed } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";
import type { ClassStatistics, MeanRows } from "./class-statistics.ts";
import { type LinearClassifier, linearScores } from "./linear-classifier.ts";

/** Gaussian draws the temperature is fitted on. */
const DRAWS = 512;
/** Temperatures are sought from one over this to this. */
const HIGHEST_TEMPERATURE = 20;
/** To a millionth. */
const HALVINGS = 23;
/** Logarithm of a likelihood that is nothing beside 1 in double precision. */
const NEGLIGIBLE = -37;

/**
 * Linear discriminant analysis with equal priors: w_c = (S + shrinkage mean_diag I)⁻¹ mean_c,
 * b_c = −mean_c · w_c / 2, both divided by a temperature.
 */
export class Discriminant {
  readonly classifier: LinearClassifier;
  /** Scores are divided by it, so that their softmax is calibrated on draws from the class Gaussians. */
  readonly temperature: number;
  readonly #width: number;
  readonly #plain: LinearClassifier;
  readonly #factor: Float64Array; // L of L Lᵀ = S, [d, d]
  /** Only distances need it. [d, d] */
  #whitener: Float64Array | undefined;

  constructor(statistics: ClassStatistics, shrinkage: number) {
    const d = statistics.width;
    const rows = statistics.meanRows();
    const covariance = statistics.covariance();
    this.#width = d;
    this.#factor = ridgeFactor(covariance, d, shrinkage);
    this.#plain = separate(rows, this.#factor, d);
    this.temperature = fitTemperature(this.#plain, rows.means, covariance, d);
    const cooled = (values: Float64Array): Float64Array => values.map((value) => value / this.temperature);
    const { classes, weight, bias } = this.#plain;
    this.classifier = { classes, weight: cooled(weight), bias: cooled(bias) };
  }

  /** Log-probabilities up to a constant per row, [n, classCount]; −∞ for classes not seen. */
  scores(features: Float32Array, classCount: number): Float32Array {
    return linearScores(this.classifier, features, this.#width, classCount);
  }

  /**
   * Squared Mahalanobis distance to the nearest class mean, per feature dimension: about 1 or less for images of
   * known classes, larger the less an image is any of them. [n]
   */
  distances(features: Float32Array): Float32Array {
    const d = this.#width;
    const { classes, weight, bias } = this.#plain;
    const positions = { classes: classes.map((_, i) => i), weight, bias };
    const scores = linearScores(positions, features, d, classes.length);
    this.#whitener ??= whitenerOf(this.#factor, d);
    const white = product(features, d, this.#whitener, d);
    return Float32Array.from({ length: features.length / d }, (_, row) => {
      const best = scores
        .subarray(row * classes.length, (row + 1) * classes.length)
        .reduce((a, b) => Math.max(a, b));
      const norm = white.subarray(row * d, (row + 1) * d).reduce((sum, value) => sum + value * value, 0);
      return Math.max(norm - 2 * best, 0) / d; // |f − m|² = |f|² − 2 (w · f + b)
    });
  }
}

/** The plain classifier, not calibrated. */
export function linearDiscriminant(statistics: ClassStatistics, shrinkage: number): LinearClassifier {
  const factor = ridgeFactor(statistics.covariance(), statistics.width, shrinkage);
  return separate(statistics.meanRows(), factor, statistics.width);
}

/** w_c = S⁻¹ mean_c and b_c = −mean_c · w_c / 2, from the factor of S. */
function separate({ classes, means }: MeanRows, factor: Float64Array, d: number): LinearClassifier {
  const solved = solveFactored(factor, d, transposed(means, classes.length, d), classes.length);
  const weight = transposed(solved, d, classes.length);
  const bias = Float64Array.from(classes, (_, i) => {
    let dot = 0;
    for (let k = 0; k < d; k++) dot += means[i * d + k]! * weight[i * d + k]!;
    return -dot / 2;
  });
  return { classes, weight, bias };
}

/** L⁻ᵀ of the factor L Lᵀ = S: |f L⁻ᵀ|² = fᵀ S⁻¹ f. */
function whitenerOf(lower: Float64Array, d: number): Float64Array {
  const inverse = new Float64Array(d * d); // of L, by forward substitution
  for (let column = 0; column < d; column++) {
    for (let row = column; row < d; row++) {
      let sum = row === column ? 1 : 0;
      for (let k = column; k < row; k++) sum -= lower[row * d + k]! * inverse[k * d + column]!;
      inverse[row * d + column] = sum / lower[row * d + row]!;
    }
  }
  return transposed(inverse, d, d);
}

/** The temperature with the least negative log-likelihood on draws from N(mean_c, S). */
function fitTemperature(
  classifier: LinearClassifier,
  means: Float64Array,
  s: Float64Array,
  d: number,
): number {
  const { classes } = classifier;
  if (classes.length < 2 || meanDiagonal(s, d) === 0) return 1;
  const rng = Rng.at("temperature");
  const lower = ridgeFactor(s, d, 1e-3); // fewer images than dimensions leave S singular
  const noise = Float64Array.from({ length: DRAWS * d }, () => rng.normal());
  const spread = product(noise, d, transposed(lower, d, d), d);
  const apart = Math.max(classes.length / DRAWS, 1); // more classes than draws: as many of the last as of the first
  const labels = Array.from({ length: DRAWS }, (_, i) => Math.floor(i * apart) % classes.length);
  const draws = Float32Array.from(
    spread,
    (value, i) => value + means[labels[Math.floor(i / d)]! * d + (i % d)]!,
  );
  const positions = { ...classifier, classes: classes.map((_, i) => i) };
  const scores = linearScores(positions, draws, d, classes.length);
  const gaps = belowHighest(scores, classes.length);
  // Convex in the inverse temperature: the slope has one root, which halving finds. Where classes are so far apart that
  // all is flat, the least sure of the best temperatures is as good as any.
  let [low, high] = [1 / HIGHEST_TEMPERATURE, HIGHEST_TEMPERATURE];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    if (slopeAt(middle, gaps, labels) >= 0) high = middle;
    else low = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Every score less the highest of its row. */
function belowHighest(scores: Float32Array, columns: number): Float64Array {
  const gaps = Float64Array.from(scores);
  for (let start = 0; start < gaps.length; start += columns) {
    const row = gaps.subarray(start, start + columns);
    const highest = row.reduce((a, b) => Math.max(a, b));
    for (let i = 0; i < columns; i++) row[i]! -= highest;
  }
  return gaps;
}

/** Derivative of the negative log-likelihood by the inverse temperature: the sum of E[gap] − gap of the label. */
function slopeAt(inverse: number, gaps: Float64Array, labels: readonly number[]): number {
  const classes = gaps.length / labels.length;
  let slope = 0;
  for (const [row, label] of labels.entries()) {
    let [total, weighted] = [0, 0];
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      const gap = gaps[i]!;
      if (gap * inverse < NEGLIGIBLE) continue;
      const likelihood = Math.exp(gap * inverse);
      total += likelihood;
      weighted += likelihood * gap;
    }
    slope += weighted / total - gaps[row * classes + label]!;
  }
  return slope;
}
