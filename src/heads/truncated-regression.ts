/** @file Regression on the large part of a spectrum: what is small, and would make the solution large, is left out. */
import { gram, product, symmetricEigen } from "../tensor/linear-algebra.ts";

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
  const eigen = symmetricEigen(g, m);
  const rank = eigen.values.filter((value) => value > ROUNDING * eigen.values[0]!).length;
  const values = eigen.values.slice(0, Math.round(kept * rank));
  if (values.length === 0) return new Float64Array(m * q);
  const chosen = eigen.vectors.subMatrix(0, m - 1, 0, values.length - 1);
  const vectors = Float64Array.from(chosen.to1DArray()); // [m, k]
  const along = gram(vectors, values.length, right, q); // [k, q]
  for (const [row, value] of values.entries())
    for (let column = 0; column < q; column++) along[row * q + column]! /= value + ridge;
  return product(vectors, values.length, along, q);
}
