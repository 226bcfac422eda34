/** @file LDA that says how sure it is: calibrated scores, and a distance for "none of these". */
import { product, ridgeFactor, solveFactored, transposed, whitener } from "../tensor/linear-algebra.ts";
import type { ClassStatistics, MeanRows } from "./class-statistics.ts";
import { type LinearClassifier, linearScores } from "./linear-classifier.ts";
import { classDraws, fitTemperature } from "./temperature.ts";

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

  /** @param temperature fitted on these statistics before; left out: fitted */
  constructor(statistics: ClassStatistics, shrinkage: number, temperature?: number) {
    const d = statistics.width;
    const rows = statistics.meanRows();
    const covariance = statistics.covariance();
    this.#width = d;
    this.#factor = ridgeFactor(covariance, d, shrinkage);
    this.#plain = separate(rows, this.#factor, d);
    const positions = { ...this.#plain, classes: rows.classes.map((_, i) => i) };
    this.temperature =
      temperature ??
      fitTemperature(classDraws(rows.means, covariance, d), (draws) =>
        linearScores(positions, draws, d, rows.classes.length),
      );
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
    this.#whitener ??= whitener(this.#factor, d);
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
