/** @file A linear map of features, fitted on their directions: SLDC's. */
import * as z from "zod";
import { gram, meanDiagonal, product, solveRidge, transposed } from "../../tensor/linear-algebra.ts";
import { unitRows } from "../linear-classifier.ts";
import { type DriftMap, defineDrift } from "./drift.ts";

/**
 * W = (XᵀX + γ I)⁻¹ XᵀY for features X before and Y after, at length 1; W ← (1 − w) W + w I, w = exp(−n / d) for n images.
 * f ← f W, and a scatter S ← Wᵀ S W.
 */
export const linear = defineDrift({
  name: "linear",
  summary:
    "a linear map, fitted by ridge regression on features at length 1; nearer to none the fewer images",
  source: "Rao et al., SLDC, AAAI 2026, arXiv 2511.09926",
  options: z.object({
    driftGamma: z
      .number()
      .positive()
      .default(1e-4)
      .describe("ridge of the linear drift map (gamma; published: 1e-4)"),
  }),
  fit(before, after, width, { driftGamma }): DriftMap | undefined {
    const d = width;
    if (before.length === 0) return undefined;
    const [x, y] = [before, after].map((rows) => unitRows(Float64Array.from(rows), d)) as [
      Float64Array,
      Float64Array,
    ];
    const square = gram(x, d, x, d);
    const ridge = driftGamma / Math.max(meanDiagonal(square, d), 1e-12);
    const weight = Math.exp(-before.length / d / d);
    const map = solveRidge(square, d, ridge, gram(x, d, y, d), d).map((value) => (1 - weight) * value);
    for (let i = 0; i < d; i++) map[i * d + i]! += weight;
    return {
      points: (rows) => product(rows, d, map, d),
      differences: (rows) => product(rows, d, map, d),
      scatter: (sum) => product(transposed(map, d, d), d, product(sum, d, map, d), d),
    };
  },
});
