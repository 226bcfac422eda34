/** @file LDA that says how sure it is: calibrated scores, and a distance for "none of these". */
import { CholeskyDecomposition } from "ml-matrix";
import { matrix, meanDiagonal, product, solveRidge, transposed } from "../../tensor/linear-algebra.ts";
import { Rng } from "../../tensor/rng.ts";
import { type ClassStatistics, type LinearClassifier, linearScores } from "./class-statistics.ts";

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
  readonly #whitener: Float64Array; // [d, d], L⁻ᵀ of L Lᵀ = S + shrinkage: |f L⁻ᵀ|² = fᵀ S⁻¹ f

  constructor(statistics: ClassStatistics, shrinkage: number) {
    const d = statistics.width;
    const { means } = statistics.meanRows();
    const covariance = statistics.covariance();
    const plain = linearDiscriminant(statistics, shrinkage);
    const { classes, weight, bias } = plain;
    this.#width = d;
    this.#plain = plain;
    this.#whitener = inverseFactor(covariance, d, shrinkage);
    this.temperature = fitTemperature(this.#plain, means, covariance, d);
    const cooled = (values: Float64Array): Float64Array => values.map((value) => value / this.temperature);
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
  const d = statistics.width;
  const { classes, means } = statistics.meanRows();
  const right = transposed(means, classes.length, d);
  const solved = solveRidge(statistics.covariance(), d, shrinkage, right, classes.length);
  const weight = transposed(solved, d, classes.length);
  const bias = Float64Array.from(classes, (_, i) => {
    let dot = 0;
    for (let k = 0; k < d; k++) dot += means[i * d + k]! * weight[i * d + k]!;
    return -dot / 2;
  });
  return { classes, weight, bias };
}

/** L⁻ᵀ of the Cholesky factor L Lᵀ = S + ridge mean_diag I. */
function inverseFactor(s: Float64Array, d: number, ridge: number): Float64Array {
  const lower = lowerFactor(s, d, ridge);
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

function lowerFactor(s: Float64Array, d: number, ridge: number): Float64Array {
  const system = matrix(d, d, s);
  const added = ridge * Math.max(meanDiagonal(s, d), 1e-12);
  for (let i = 0; i < d; i++) system.set(i, i, system.get(i, i) + added);
  return Float64Array.from(new CholeskyDecomposition(system).lowerTriangularMatrix.to1DArray());
}

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
  const lower = lowerFactor(s, d, 1e-3); // fewer images than dimensions leave S singular
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
