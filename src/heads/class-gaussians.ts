/** @file Gaussians of all classes in coordinates in which the shared covariance is the identity. */
import { product, ridgeFactor, transposed, whitener } from "../tensor/linear-algebra.ts";
import type { Rng } from "../tensor/rng.ts";
import type { ClassDirections } from "./class-directions.ts";
import type { ClassStatistics } from "./class-statistics.ts";
import { classDraws, fitTemperature } from "./temperature.ts";

/** Products with all columns that are there at a time: more would be a burden for the collector. */
const NUMBERS = 2 ** 18;

/** What a class's covariance is made of. */
export interface CovarianceOptions {
  /** Ridge of the shared covariance S, in mean diagonals: S~ = S + shrinkage mean_diag(S) I. */
  readonly shrinkage: number;
  /** Their share (γ): the covariance is (1 − γ) S~ + γ Q_cᵀ Q_c. */
  readonly directionWeight: number;
}

/** Means and directions of all classes as they are after z = L⁻¹ f, with S~ = L Lᵀ. */
export class WhiteGaussians {
  readonly width: number;
  /** Positions in the stream, in order. */
  readonly classes: readonly number[];
  /** L⁻ᵀ: rows f L⁻ᵀ are white. [d, d] */
  readonly whitener: Float64Array;
  readonly means: Float64Array; // [classes, d]
  /** k: of the class that has most; others have rows of zeros. */
  readonly count: number;
  readonly directions: Float64Array; // [classes, k, d]

  constructor(statistics: ClassStatistics, directions: ClassDirections, shrinkage: number) {
    const d = statistics.width;
    const { classes, means } = statistics.meanRows();
    this.width = d;
    this.classes = classes;
    this.whitener = whitener(ridgeFactor(statistics.covariance(), d, shrinkage), d);
    this.means = this.white(means);
    this.count = directions.most;
    this.directions = this.white(directions.rowsOf(classes));
  }

  /** L⁻¹ f for rows f. [n, d] -> [n, d] */
  white(rows: Float32Array | Float64Array): Float64Array {
    return product(rows, this.width, this.whitener, this.width);
  }
}

/**
 * −½ (f − mean_c)ᵀ [a S~ + γ Q_cᵀ Q_c]⁻¹ (f − mean_c), a = 1 − γ, by Woodbury: in white coordinates z with means m_c and
 * directions B_c = Q_c L⁻ᵀ the form is |z − m_c|² / a − |A_c (z − m_c)|², A_c = √γ / a C⁻¹ B_c, C Cᵀ = I + γ / a B_c B_cᵀ.
 * |z|² / a, which all classes have in common, is left out of scores. No log-determinant. Calibrated by a temperature.
 */
export class ClassGaussians {
  readonly #white: WhiteGaussians;
  readonly #shared: number; // a
  readonly #count: number; // k
  readonly #columns: Float64Array; // 2 m_c / a, then A_c of all classes, as columns. [d, classes (1 + k)]
  readonly #bias: Float64Array; // −|m_c|² / a. [classes]
  readonly #offsets: Float64Array; // A_c m_c. [classes k]
  /** Scores are divided by it, so that their softmax is calibrated on draws from the class Gaussians. */
  readonly temperature: number;

  /** @param temperature fitted on these statistics before; left out: fitted */
  constructor(
    statistics: ClassStatistics,
    directions: ClassDirections,
    options: CovarianceOptions,
    temperature?: number,
  ) {
    const { shrinkage, directionWeight: gamma } = options;
    const white = new WhiteGaussians(statistics, directions, shrinkage);
    const { width: d, classes, means, count: k } = white;
    const a = 1 - gamma;
    const lifts = liftsOf(white, gamma);
    const rows = new Float64Array(means.length + lifts.length);
    rows.set(means.map((value) => (2 * value) / a));
    rows.set(lifts, means.length);
    this.#white = white;
    this.#shared = a;
    this.#count = k;
    this.#columns = transposed(rows, rows.length / d, d);
    this.#bias = Float64Array.from(classes, (_, c) => -dot(means, c, means, c, d) / a);
    this.#offsets = Float64Array.from({ length: classes.length * k }, (_, row) =>
      dot(lifts, row, means, Math.floor(row / k), d),
    );
    this.temperature = temperature ?? this.#fitted(statistics, directions, gamma);
  }

  /** Log-probabilities up to a constant per row, [n, classCount]; −∞ for classes not seen. */
  scores(features: Float32Array, classCount: number): Float32Array {
    const { width, classes } = this.#white;
    const n = features.length / width;
    const forms = this.#forms(this.#white.white(features));
    const scores = new Float32Array(n * classCount).fill(Number.NEGATIVE_INFINITY);
    for (let row = 0; row < n; row++) {
      for (const [c, label] of classes.entries())
        scores[row * classCount + label] = forms[row * classes.length + c]! / 2 / this.temperature;
    }
    return scores;
  }

  /**
   * (f − mean_c)ᵀ [a S~ + γ Q_cᵀ Q_c]⁻¹ (f − mean_c) for the class where it is least, per feature dimension: about 1 or
   * less for images of known classes, larger the less an image is any of them. [n]
   */
  distances(features: Float32Array): Float32Array {
    const { width: d, classes } = this.#white;
    const z = this.#white.white(features);
    const forms = this.#forms(z);
    return Float32Array.from({ length: features.length / d }, (_, row) => {
      const best = forms
        .subarray(row * classes.length, (row + 1) * classes.length)
        .reduce((a, b) => Math.max(a, b));
      return Math.max(dot(z, row, z, row, d) / this.#shared - best, 0) / d;
    });
  }

  /** Minus the quadratic forms, but for |z|² / a. z: [n, d] -> [n, classes] */
  #forms(z: Float64Array): Float64Array {
    const { width: d, classes } = this.#white;
    const forms = new Float64Array((z.length / d) * classes.length);
    const rows = Math.max(Math.floor(NUMBERS / (classes.length * (1 + this.#count))), 1);
    for (let row = 0; row * d < z.length; row += rows)
      this.#formsOf(z.subarray(row * d, (row + rows) * d), forms.subarray(row * classes.length));
    return forms;
  }

  #formsOf(z: Float64Array, forms: Float64Array): void {
    const { width: d, classes } = this.#white;
    const k = this.#count;
    const columns = classes.length * (1 + k);
    const products = product(z, d, this.#columns, columns);
    for (let i = 0, at = 0; at < products.length; at += columns) {
      for (let c = 0, j = 0; c < classes.length; c++, i++) {
        let form = products[at + c]! + this.#bias[c]!;
        for (const end = j + k; j < end; j++) {
          const along = products[at + classes.length + j]! - this.#offsets[j]!;
          form += along * along;
        }
        forms[i] = form;
      }
    }
  }

  #fitted(statistics: ClassStatistics, directions: ClassDirections, gamma: number): number {
    const { width: d, classes } = this.#white;
    const own = (row: number, rng: Rng): Float64Array => {
      const sum = new Float64Array(d);
      for (let rest = directions.of(classes[row]!); rest.length > 0; rest = rest.subarray(d)) {
        const size = Math.sqrt(gamma) * rng.normal();
        for (let i = 0; i < d; i++) sum[i]! += size * rest[i]!;
      }
      return sum;
    };
    const spread = { shared: 1 - gamma, own };
    const draws = classDraws(statistics.meanRows().means, statistics.covariance(), d, spread);
    return fitTemperature(draws, (features) => this.#plain(features));
  }

  /** Scores at a temperature of one. [n, classes] */
  #plain(features: Float32Array): Float32Array {
    const forms = this.#forms(this.#white.white(features));
    const scores = new Float32Array(forms.length);
    for (let i = 0; i < forms.length; i++) scores[i] = forms[i]! / 2;
    return scores;
  }
}

/** A_c of all classes. [classes k, d] */
function liftsOf({ directions, count: k, width: d }: WhiteGaussians, gamma: number): Float64Array {
  const lifts = directions.slice();
  for (let at = 0; at < lifts.length; at += k * d) {
    const b = lifts.subarray(at, at + k * d); // B_c
    const inner = product(b, d, transposed(b, k, d), k).map(
      (value, i) => (gamma / (1 - gamma)) * value + Number(i % (k + 1) === 0),
    );
    const lower = ridgeFactor(inner, k, 0); // C
    // C⁻¹ B_c is (C⁻ᵀ)ᵀ B_c.
    const solved = product(transposed(whitener(lower, k), k, k), k, b, d);
    b.set(solved.map((value) => (Math.sqrt(gamma) / (1 - gamma)) * value));
  }
  return lifts;
}

/** Dot product of a row of x and a row of y, both of width d. */
function dot(x: Float64Array, row: number, y: Float64Array, other: number, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += x[row * d + i]! * y[other * d + i]!;
  return sum;
}
