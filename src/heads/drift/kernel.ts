/** @file Moves each point by a mean of the shifts of features near it: SDC's form, as SSIAT uses it. */
import * as z from "zod";
import { type DriftMap, defineDrift } from "./drift.ts";

/** Added to every weight: a point that is far from all features moves by their mean shift. */
const LEAST = 1e-5;

/** f ← f + Σ_i w_i (after_i − before_i) / Σ_i w_i, w_i = exp(−|before_i − f|² / 2 σ²) + 1e-5. Differences and scatters stay. */
export const kernel = defineDrift({
  name: "kernel",
  summary: "means move by the mean shift of the task's images near them, covariances stay",
  source: "Yu et al., SDC, CVPR 2020, arXiv 2004.00440; Tan et al., SSIAT, CVPR 2024, arXiv 2403.19979",
  options: z.object({
    driftWidth: z
      .number()
      .positive()
      .default(4)
      .describe("width of the kernel of the drift map, in units of features (sigma; published: 4)"),
  }),
  fit(before, after, width, { driftWidth }): DriftMap | undefined {
    const d = width;
    if (before.length === 0) return undefined;
    const images = before.length / d;
    return {
      points(rows) {
        const moved = rows.slice();
        const weights = new Float64Array(images);
        for (let at = 0; at < rows.length; at += d) {
          for (let i = 0; i < images; i++) {
            let squares = 0;
            for (let k = 0; k < d; k++) squares += (before[i * d + k]! - rows[at + k]!) ** 2;
            weights[i] = Math.exp(-squares / (2 * driftWidth ** 2)) + LEAST;
          }
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (let i = 0; i < images; i++)
            for (let k = 0; k < d; k++)
              moved[at + k]! += (weights[i]! / total) * (after[i * d + k]! - before[i * d + k]!);
        }
        return moved;
      },
      differences: (rows) => rows,
      scatter: (sum) => sum,
    };
  },
});
