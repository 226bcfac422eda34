/** @file Regression on the large part of a spectrum: what is small, and would make the solution large, is left out. */
import { EigenvalueDecomposition } from "ml-matrix";
import { gram, matrix, product } from "../tensor/linear-algebra.ts";

/** Eigenvalues below this share of the largest are rounding. */
const ROUNDING = 1e-13;

/**
 * Σ v vᵀ Q / (λ + ridge) over the largest eigenvalues λ of G and their vectors v: the share `kept` of those that aren't
 * rounding. g: [m, m] symmetric, right: [m, q] (Q), result: [m, q]
 */
export function truncatedSolution(
  g: Float64Array,
  m: number,
  right: Float64Array,
  q: number,
  { kept, ridge }: { readonly kept: number; readonly ridge: number },
): Float64Array {
  const { realEigenvalues: values, eigenvectorMatrix } = new EigenvalueDecomposition(matrix(m, m, g), {
    assumeSymmetric: true,
  });
  const order = values.map((_, i) => i).sort((i, j) => values[j]! - values[i]!);
  const rank = order.filter((i) => values[i]! > ROUNDING * values[order[0]!]!).length;
  const chosen = order.slice(0, Math.round(kept * rank));
  if (chosen.length === 0) return new Float64Array(m * q);
  const vectors = Float64Array.from(eigenvectorMatrix.subMatrixColumn(chosen).to1DArray()); // [m, k]
  const along = gram(vectors, chosen.length, right, q); // [k, q]
  for (const [row, i] of chosen.entries())
    for (let column = 0; column < q; column++) along[row * q + column]! /= values[i]! + ridge;
  return product(vectors, chosen.length, along, q);
}
