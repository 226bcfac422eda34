/** @file The few dense-matrix steps that the methods need, on flat row-major arrays; the rest is ml-matrix. */
import { Matrix } from "ml-matrix";
import { InputError, optionText } from "./errors.ts";

/** Matrix over the numbers of a row-major array (copied, as ml-matrix keeps rows). */
export function matrix(rows: number, columns: number, data: ArrayLike<number>): Matrix {
  return Matrix.from1DArray(rows, columns, data as number[]);
}

/** The matrix's numbers as a row-major float32 array. */
export function flatten32(m: Matrix): Float32Array {
  return Float32Array.from(m.to1DArray());
}

/** xᵀ y for x: [n, p], y: [n, q], in float64. Result: [p, q] */
export function gram(x: ArrayLike<number>, p: number, y: ArrayLike<number>, q: number): Float64Array {
  const n = x.length / p;
  return product(transposed(x, n, p), n, y, q);
}

const PANEL = 4; // columns of a panel: 2 x 4 sums fit in registers

/**
 * x y for x: [n, p], y: [p, q], in float64. Result: [n, q]
 * Each sum runs over p in order; two rows by four columns at a time, so that a number read serves several sums.
 */
export function product(x: ArrayLike<number>, p: number, y: ArrayLike<number>, q: number): Float64Array {
  const n = x.length / p;
  const result = new Float64Array(n * q);
  const [left, right] = [doubles(x), doubles(y)];
  const panel = new Float64Array(p * PANEL);
  const sums = new Float64Array(2 * PANEL);
  for (let column = 0; column < q; column += PANEL) {
    const width = Math.min(PANEL, q - column);
    for (let k = 0; k < p; k++)
      for (let j = 0; j < width; j++) panel[PANEL * k + j] = right[k * q + column + j]!;
    for (let row = 0; row < n; row += 2) {
      const rows = Math.min(2, n - row);
      setSums(sums, left, row * p, (row + rows - 1) * p, panel); // a last row without a pair is its own
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < width; j++) result[(row + i) * q + column + j] = sums[PANEL * i + j]!;
    }
  }
  return result;
}

/** sums = two rows of `left`, from `first` and `second` on, times a panel [p, 4]. [2, 4] */
function setSums(
  sums: Float64Array,
  left: Float64Array,
  first: number,
  second: number,
  panel: Float64Array,
): void {
  let [a0, a1, a2, a3, b0, b1, b2, b3] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0, at = 0; at < panel.length; k++, at += PANEL) {
    const a = left[first + k]!;
    const b = left[second + k]!;
    const y0 = panel[at]!;
    const y1 = panel[at + 1]!;
    const y2 = panel[at + 2]!;
    const y3 = panel[at + 3]!;
    a0 += a * y0;
    a1 += a * y1;
    a2 += a * y2;
    a3 += a * y3;
    b0 += b * y0;
    b1 += b * y1;
    b2 += b * y2;
    b3 += b * y3;
  }
  sums[0] = a0;
  sums[1] = a1;
  sums[2] = a2;
  sums[3] = a3;
  sums[4] = b0;
  sums[5] = b1;
  sums[6] = b2;
  sums[7] = b3;
}

/** One kind of array, so that the loops over it are compiled for it alone. */
const doubles = (values: ArrayLike<number>): Float64Array =>
  values instanceof Float64Array ? values : Float64Array.from(values);

/** `count` numbers, `step` apart. */
interface Factors {
  readonly factors: Float64Array;
  readonly first: number;
  readonly step: number;
  readonly count: number;
}

/**
 * rows[at + j] −= Σ_k factor_k rows[from + k q + j] for j < q, one k after the other. Four of them a pass: the target
 * is read and written once for all four, and the sums stay the same to the last bit.
 */
function subtractRows(
  rows: Float64Array,
  at: number,
  q: number,
  { factors, first, step, count }: Factors,
  from: number,
): void {
  const factor = (k: number): number => -factors[first + k * step]!;
  const whole = count - (count % 4);
  for (let k = 0; k < whole; k += 4) {
    const [f0, f1, f2, f3] = [factor(k), factor(k + 1), factor(k + 2), factor(k + 3)];
    const r0 = from + k * q;
    const [r1, r2, r3] = [r0 + q, r0 + 2 * q, r0 + 3 * q];
    for (let j = 0; j < q; j++)
      rows[at + j] =
        rows[at + j]! + f0 * rows[r0 + j]! + f1 * rows[r1 + j]! + f2 * rows[r2 + j]! + f3 * rows[r3 + j]!;
  }
  for (let k = whole; k < count; k++) {
    const f = factor(k);
    for (let j = 0; j < q; j++) rows[at + j]! += f * rows[from + k * q + j]!;
  }
}

/** Transpose of x: [rows, columns]. */
export function transposed(x: ArrayLike<number>, rows: number, columns: number): Float64Array {
  const result = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) result[j * rows + i] = x[i * columns + j]!;
  return result;
}

/** Mean of the diagonal of a d x d array. */
export function meanDiagonal(square: ArrayLike<number>, d: number): number {
  let sum = 0;
  for (let i = 0; i < d; i++) sum += square[i * d + i]!;
  return sum / d;
}

/**
 * The lower triangle L of L Lᵀ = S + ridge · meanDiagonal(S) · I. S: [d, d] symmetric, L: [d, d].
 * A zero S is treated as the identity times a tiny number: directions without data count alike.
 * On flat arrays: ml-matrix takes six times as long for a thousand classes of width 768.
 * @throws InputError if the ridge is too small for a singular S
 */
export function ridgeFactor(s: ArrayLike<number>, d: number, ridge: number): Float64Array {
  const added = ridge * Math.max(meanDiagonal(s, d), 1e-12);
  const lower = new Float64Array(d * d);
  for (let j = 0; j < d; j++) {
    let squares = 0;
    for (let k = 0; k < j; k++) {
      let dot = 0;
      for (let i = 0; i < k; i++) dot += lower[k * d + i]! * lower[j * d + i]!;
      const value = (s[j * d + k]! - dot) / lower[k * d + k]!;
      lower[j * d + k] = value;
      squares += value * value;
    }
    const pivot = s[j * d + j]! + added - squares;
    if (!(pivot > 0)) {
      throw new InputError(
        `a covariance of features is singular at a ridge of ${ridge}; choose a larger one (${optionText("shrinkage")}, ${optionText("driftRidge")})`,
      );
    }
    lower[j * d + j] = Math.sqrt(pivot);
  }
  return lower;
}

/** Solves L Lᵀ X = R for a lower triangle L: [d, d]. R: [d, q], X: [d, q]. */
export function solveFactored(
  lower: Float64Array,
  d: number,
  right: ArrayLike<number>,
  q: number,
): Float64Array {
  const x = Float64Array.from(right);
  const divide = (row: number): void => {
    for (let j = 0; j < q; j++) x[row * q + j]! /= lower[row * d + row]!;
  };
  for (let row = 0; row < d; row++) {
    subtractRows(x, row * q, q, { factors: lower, first: row * d, step: 1, count: row }, 0);
    divide(row);
  }
  for (let row = d - 1; row >= 0; row--) {
    const next = row + 1;
    const after = { factors: lower, first: next * d + row, step: d, count: d - next };
    subtractRows(x, row * q, q, after, next * q);
    divide(row);
  }
  return x;
}

/** Solves (S + ridge · meanDiagonal(S) · I) X = R by `ridgeFactor`. R: [d, q], X: [d, q]. */
export function solveRidge(
  s: ArrayLike<number>,
  d: number,
  ridge: number,
  right: ArrayLike<number>,
  q: number,
): Float64Array {
  return solveFactored(ridgeFactor(s, d, ridge), d, right, q);
}

/** L⁻ᵀ of the lower triangle L of L Lᵀ = S: |f L⁻ᵀ|² = fᵀ S⁻¹ f. [d, d] */
export function whitener(lower: Float64Array, d: number): Float64Array {
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

/** Mean of every column of rows of width d. [n, d] -> [d] */
export function columnMeans(rows: ArrayLike<number>, d: number): Float64Array {
  const sums = new Float64Array(d);
  for (let i = 0; i < rows.length; i++) sums[i % d]! += rows[i]!;
  return sums.map((sum) => (sum * d) / rows.length);
}
