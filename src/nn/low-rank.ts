/** @file Low-rank updates of linear layers: W = W0 + B C A. */
import type { Value } from "../graph/value.ts";
import { add, matmul } from "../ops/index.ts";

/** The factors of one update. An ordinary LoRA pair has no core. */
export interface LowRankFactors {
  readonly a: Value; // [r, in]
  readonly core?: Value; // [r, r]
  readonly b: Value; // [out, r]
}

/** The site's input in the subspace: h = x Aᵀ. x: [n, in], result: [n, r] */
export const project = (x: Value, { a }: LowRankFactors): Value => matmul(x, a, { transposeB: true });

/** y + h (B C)ᵀ. y: [n, out] */
export function addLowRank(y: Value, h: Value, { b, core }: LowRankFactors): Value {
  const lift = core === undefined ? b : matmul(b, core); // [out, r]
  return add(y, matmul(h, lift, { transposeB: true }));
}
