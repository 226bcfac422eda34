/** @file The few dense-matrix steps that the methods need, on flat row-major arrays; the rest is ml-matrix. */
import { CholeskyDecomposition, Matrix } from "ml-matrix";

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
  const result = new Float64Array(p * q);
  const n = x.length / p;
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < p; i++) {
      const factor = x[row * p + i]!;
      if (factor === 0) continue;
      const target = i * q;
      const source = row * q;
      for (let j = 0; j < q; j++) result[target + j]! += factor * y[source + j]!;
    }
  }
  return result;
}

/** x y for x: [n, p], y: [p, q], in float64. Result: [n, q] */
export function product(x: ArrayLike<number>, p: number, y: ArrayLike<number>, q: number): Float64Array {
  const n = x.length / p;
  const result = new Float64Array(n * q);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < p; i++) {
      const factor = x[row * p + i]!;
      if (factor === 0) continue;
      for (let j = 0; j < q; j++) result[row * q + j]! += factor * y[i * q + j]!;
    }
  }
  return result;
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
 * L Lᵀ = S + ridge · meanDiagonal(S) · I. S: [d, d] symmetric.
 * A zero S is treated as the identity times a tiny number: directions without data count alike.
 */
export function ridgeFactor(s: ArrayLike<number>, d: number, ridge: number): CholeskyDecomposition {
  const added = ridge * Math.max(meanDiagonal(s, d), 1e-12);
  const system = matrix(d, d, s);
  for (let i = 0; i < d; i++) system.set(i, i, system.get(i, i) + added);
  return new CholeskyDecomposition(system);
}

/** Solves (S + ridge · meanDiagonal(S) · I) X = R by `ridgeFactor`. R: [d, q], X: [d, q]. */
export function solveRidge(
  s: Float64Array,
  d: number,
  ridge: number,
  right: ArrayLike<number>,
  q: number,
): Float64Array {
  const solved = ridgeFactor(s, d, ridge).solve(matrix(d, q, right));
  return Float64Array.from(solved.to1DArray());
}
