/** @file The few dense-matrix steps that the methods need, on flat row-major arrays; the rest is ml-matrix. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { InputError, optionText } from "./errors.ts";
import { kernelBackward, kernelForward, kernelInverse, kernelProduct } from "./linear-kernel.ts";

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

/** Multiplications from which on a product goes through WebAssembly: less isn't worth the way there. */
const WORTH = 2048;

/**
 * x y for x: [n, p], y: [p, q], in float64. Result: [n, q]
 * Each sum runs over p in order.
 */
export function product(x: ArrayLike<number>, p: number, y: ArrayLike<number>, q: number): Float64Array {
  const n = x.length / p;
  const [left, right] = [doubles(x), doubles(y)];
  if (n * p * q >= WORTH) return kernelProduct(left, p, right, q);
  const result = new Float64Array(n * q);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < q; column++) {
      let sum = 0;
      for (let k = 0; k < p; k++) sum += left[row * p + k]! * right[k * q + column]!;
      result[row * q + column] = sum;
    }
  }
  return result;
}

/** One kind of array, so that the loops over it are compiled for it alone. */
const doubles = (values: ArrayLike<number>): Float64Array =>
  values instanceof Float64Array ? values : Float64Array.from(values);

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
  const half = kernelForward(lower, d, doubles(right), q);
  return kernelBackward(transposed(lower, d, d), d, half, q);
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
  return transposed(kernelInverse(lower, d), d, d);
}

/** Eigenvalues, the largest first, and eigenvectors as columns. */
export interface Eigen {
  readonly values: readonly number[];
  readonly vectors: Matrix; // [d, d]
}

/** Of a symmetric matrix, [d, d]; what rounding has made uneven is evened out. */
export function symmetricEigen(square: ArrayLike<number>, d: number): Eigen {
  if (d === 0) return { values: [], vectors: new Matrix(0, 0) };
  const even = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let j = 0; j < d; j++) even[i * d + j] = (square[i * d + j]! + square[j * d + i]!) / 2;
  const { realEigenvalues: values, eigenvectorMatrix } = new EigenvalueDecomposition(matrix(d, d, even), {
    assumeSymmetric: true,
  });
  const order = values.map((_, i) => i).sort((i, j) => values[j]! - values[i]!);
  return { values: order.map((i) => values[i]!), vectors: eigenvectorMatrix.subMatrixColumn(order) };
}

/** Mean of every column of rows of width d. [n, d] -> [d] */
export function columnMeans(rows: ArrayLike<number>, d: number): Float64Array {
  const sums = new Float64Array(d);
  for (let i = 0; i < rows.length; i++) sums[i % d]! += rows[i]!;
  return sums.map((sum) => (sum * d) / rows.length);
}
