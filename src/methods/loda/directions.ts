/** @file Where LoDA lets a task move a layer: directions by second moments of the layer's inputs, those of past tasks and the task's. */
import { type Matrix, QrDecomposition } from "ml-matrix";
import {
  matrix,
  meanDiagonal,
  product,
  ridgeFactor,
  symmetricEigen,
  transposed,
  whitener,
} from "../../tensor/linear-algebra.ts";

/** Ridge of the past moment, in mean diagonals: inputs need not span their space. */
const RIDGE = 1e-6;

/** Rows of length 1 / √3. */
const scaledRows = (columns: Matrix): Float32Array =>
  Float32Array.from(columns.transpose().to1DArray(), (value) => value / Math.sqrt(3));

/** Directions that all tasks share: the `rank` leading eigenvectors of past + current. [rank, d] */
export function generalDirections(
  past: Float64Array,
  current: Float64Array,
  d: number,
  rank: number,
): Float32Array {
  return scaledRows(
    leading(
      past.map((value, i) => value + current[i]!),
      d,
      rank,
    ),
  );
}

/**
 * Directions in which the task's inputs are large and those of the past small: with past = L Lᵀ an orthonormal basis of
 * L⁻ᵀ times the `rank` leading eigenvectors of L⁻¹ current L⁻ᵀ. [rank, d]
 */
export function ownDirections(
  past: Float64Array,
  current: Float64Array,
  d: number,
  rank: number,
): Float32Array {
  if (meanDiagonal(past, d) <= 0) return generalDirections(past, current, d, rank);
  const white = whitener(ridgeFactor(past, d, RIDGE), d); // L⁻ᵀ
  const relative = product(product(transposed(white, d, d), d, current, d), d, white, d);
  const vectors = leading(relative, d, rank);
  const lifted = product(white, d, vectors.to1DArray(), rank);
  return scaledRows(new QrDecomposition(matrix(d, rank, lifted)).orthogonalMatrix);
}

/**
 * What is kept of a general direction a: 1 − η, η = g_past / (g_past + γ g_current), g = aᵀ S a. directions: [rank, d]
 */
export function keptShares(
  directions: Float32Array,
  past: Float64Array,
  current: Float64Array,
  d: number,
  gamma: number,
): number[] {
  const energies = (moment: Float64Array): number[] => {
    const through = product(directions, d, moment, d);
    return Array.from({ length: directions.length / d }, (_, row) => {
      let sum = 0;
      for (let i = row * d; i < (row + 1) * d; i++) sum += through[i]! * directions[i]!;
      return Math.max(sum, 0);
    });
  };
  const [before, now] = [energies(past), energies(current)];
  return before.map((energy, i) => {
    const total = energy + gamma * now[i]!;
    return total > 0 ? 1 - energy / total : 1;
  });
}

/** Leading eigenvectors of a symmetric matrix, as columns. [d, count] */
const leading = (square: Float64Array, d: number, count: number): Matrix =>
  symmetricEigen(square, d).vectors.subMatrix(0, d - 1, 0, count - 1);
