/** @file LDA that says how sure it is: calibrated scores, and a distance for "none of these". */
import type { CholeskyDecomposition } from "ml-matrix";
import { matrix, meanDiagonal, product, ridgeFactor, transposed } from "../../tensor/linear-algebra.ts";
import { Rng } from "../../tensor/rng.ts";
import {
  type ClassStatistics,
  type LinearClassifier,
  linearScores,
  type MeanRows,
} from "./class-statistics.ts";

/** Gaussian draws the temperature is fitted on. */
const DRAWS = 512;

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
  readonly #factor: CholeskyDecomposition;
  /** Only distances need it. [d, d] */
  #whitener: Float64Array | undefined;

  constructor(statistics: ClassStatistics, shrinkage: number) {
    const d = statistics.width;
    const rows = statistics.meanRows();
    const covariance = statistics.covariance();
    this.#width = d;
    this.#factor = ridgeFactor(covariance, d, shrinkage);
    this.#plain = separate(rows, this.#factor);
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
    this.#whitener ??= whitenerOf(this.#factor);
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
  return separate(statistics.meanRows(), factor);
}

/** w_c = S⁻¹ mean_c and b_c = −mean_c · w_c / 2, from the factor of S. */
function separate({ classes, means }: MeanRows, factor: CholeskyDecomposition): LinearClassifier {
  const d = factor.lowerTriangularMatrix.rows;
  const solved = factor.solve(matrix(d, classes.length, transposed(means, classes.length, d)));
  const weight = transposed(solved.to1DArray(), d, classes.length);
  const bias = Float64Array.from(classes, (_, i) => {
    let dot = 0;
    for (let k = 0; k < d; k++) dot += means[i * d + k]! * weight[i * d + k]!;
    return -dot / 2;
  });
  return { classes, weight, bias };
}

/** L⁻ᵀ of the factor L Lᵀ = S: |f L⁻ᵀ|² = fᵀ S⁻¹ f. */
function whitenerOf(factor: CholeskyDecomposition): Float64Array {
  const lower = lowerTriangle(factor);
  const d = factor.lowerTriangularMatrix.rows;
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

const lowerTriangle = (factor: CholeskyDecomposition): Float64Array =>
  Float64Array.from(factor.lowerTriangularMatrix.to1DArray());

/** The temperature with the least negative log-likelihood on draws from N(mean_c, S), by golden section. */
function fitTemperature(
  classifier: LinearClassifier,
  means: Float64Array,
  s: Float64Array,
  d: number,
): number {
  const { classes } = classifier;
  if (classes.length < 2 || meanDiagonal(s, d) === 0) return 1;
  const rng = Rng.at("temperature");
  const lower = lowerTriangle(ridgeFactor(s, d, 1e-3)); // fewer images than dimensions leave S singular
  const noise = Float64Array.from({ length: DRAWS * d }, () => rng.normal());
  const spread = product(noise, d, transposed(lower, d, d), d);
  const labels = Array.from({ length: DRAWS }, (_, i) => i % classes.length);
  const draws = Float32Array.from(
    spread,
    (value, i) => value + means[labels[Math.floor(i / d)]! * d + (i % d)]!,
  );
  const positions = { ...classifier, classes: classes.map((_, i) => i) };
  const scores = linearScores(positions, draws, d, classes.length);
  const loss = (logTemperature: number): number =>
    negativeLogLikelihood(scores, labels, Math.exp(logTemperature));
  let [low, high] = [Math.log(0.05), Math.log(20)];
  const golden = (Math.sqrt(5) - 1) / 2;
  for (let i = 0; i < 30; i++) {
    const left = high - golden * (high - low);
    const right = low + golden * (high - low);
    if (loss(left) < loss(right)) high = right;
    else low = left;
  }
  return Math.exp((low + high) / 2);
}

function negativeLogLikelihood(scores: Float32Array, labels: readonly number[], temperature: number): number {
  const classes = scores.length / labels.length;
  let sum = 0;
  for (const [row, label] of labels.entries()) {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    const highest = own.reduce((a, b) => Math.max(a, b));
    const total = own.reduce((z, score) => z + Math.exp((score - highest) / temperature), 0);
    sum += Math.log(total) - (own[label]! - highest) / temperature;
  }
  return sum;
}
