/** @file An affine map by ridge regression. Ours; the form is SDC's idea with a linear map in place of weighted means. */
import * as z from "zod";
import { columnMeans, gram, product, solveRidge, transposed } from "../../tensor/linear-algebra.ts";
import { type DriftMap, defineDrift } from "./drift.ts";

/**
 * Chosen on held-out images of CIFAR-100, 384 numbers an image: with 480 images a task views gain nothing, with 240 two do, with 96
 * four; the bounds lie between (docs/ablations.md, small tasks).
 */
function views(images: number): number {
  if (images === 0 || images >= 400) return 0;
  return images >= 200 ? 2 : 4;
}

/**
 * D = (Fcᵀ Fc + ρ mean_diag I)⁻¹ Fcᵀ (ΔF − mean ΔF) with Fc = before − m, m the mean of before:
 * f ← f + (f − m) D + mean ΔF, and a scatter S ← (I + D)ᵀ S (I + D).
 */
export const ridge = defineDrift({
  name: "ridge",
  summary: "an affine map, fitted by ridge regression on the task's images before and after",
  source: "ours",
  options: z.object({
    driftRidge: z.number().positive().default(1).describe("ridge of the drift map, in mean diagonals (rho)"),
  }),
  views,
  fit(before, after, width, { driftRidge }): DriftMap | undefined {
    const d = width;
    if (before.length === 0) return undefined;
    const delta = new Float64Array(after).map((value, i) => value - before[i]!); // `from` with a function is ten times as slow
    const center = columnMeans(before, d);
    const shift = columnMeans(delta, d);
    const centered = new Float64Array(before).map((value, i) => value - center[i % d]!);
    const change = delta.map((value, i) => value - shift[i % d]!);
    const linear = solveRidge(gram(centered, d, centered, d), d, driftRidge, gram(centered, d, change, d), d); // D
    const whole = linear.slice(); // I + D
    for (let i = 0; i < d; i++) whole[i * d + i]! += 1;
    return {
      points(rows) {
        const gaps = rows.map((value, i) => value - center[i % d]!);
        return product(gaps, d, linear, d).map((value, i) => rows[i]! + value + shift[i % d]!);
      },
      differences: (rows) => product(rows, d, whole, d),
      scatter: (sum) => product(transposed(whole, d, d), d, product(sum, d, whole, d), d),
    };
  },
});
