/** @file The ridge of a regression, chosen by its error on rows it was not fitted on. */
import { gram, product, transposed } from "../tensor/linear-algebra.ts";
import { solveTridiagonal, tridiagonalize } from "../tensor/tridiagonal.ts";

/** 1e-8, 1e-7, ..., 1e8 */
export const RIDGES: readonly number[] = Array.from({ length: 17 }, (_, i) => 10 ** (i - 8));

/** A regression's rows and what they should give. */
export interface Regression {
  readonly inputs: Float64Array; // [n, m]
  readonly targets: Float64Array; // [n, q]
}

/**
 * Of `RIDGES`, the λ with the least squared error of held W, W = (XᵀX + λI)⁻¹ XᵀY = Xᵀ (XXᵀ + λI)⁻¹ Y for the fitted
 * rows X, Y; of equals the least. A λ at which the matrix is singular in double precision isn't taken.
 */
export function chosenRidge(fitted: Regression, held: Regression, m: number, q: number): number {
  const n = fitted.inputs.length / m;
  const checks = held.inputs.length / m;
  // The smaller system of the two, reduced once; the held rows are rotated along, so that W itself is never needed.
  const dual = n <= m;
  const size = dual ? n : m;
  const square = dual
    ? product(fitted.inputs, m, transposed(fitted.inputs, n, m), n)
    : gram(fitted.inputs, m, fitted.inputs, m);
  const right = dual ? fitted.targets : gram(fitted.inputs, m, fitted.targets, q); // [size, q]
  const left = dual
    ? product(fitted.inputs, m, transposed(held.inputs, checks, m), checks)
    : transposed(held.inputs, checks, m); // [size, checks]
  const columns = q + checks;
  const both = new Float64Array(size * columns);
  for (let i = 0; i < size; i++) {
    both.set(right.subarray(i * q, (i + 1) * q), i * columns);
    both.set(left.subarray(i * checks, (i + 1) * checks), i * columns + q);
  }
  const reduced = tridiagonalize(square, size, both, columns);
  const part = (from: number, to: number): Float64Array =>
    Float64Array.from({ length: size * (to - from) }, (_, i) => {
      const row = Math.floor(i / (to - from));
      return reduced.rotated[row * columns + from + (i % (to - from))]!;
    });
  const [goals, lifts] = [part(0, q), transposed(part(q, columns), size, checks)];
  let [best, least] = [RIDGES.at(-1)!, Number.POSITIVE_INFINITY];
  for (const ridge of RIDGES) {
    const solution = solveTridiagonal(reduced, ridge, goals, q);
    if (solution === undefined) continue;
    const answers = product(lifts, size, solution, q);
    const error = answers.reduce((sum, value, i) => sum + (value - held.targets[i]!) ** 2, 0);
    if (error < least) [best, least] = [ridge, error];
  }
  return best;
}
