/** @file The affine layer. */
import type { Value } from "../graph/value.ts";
import { add, matmul } from "../ops/index.ts";

/** y = x Wᵀ + b, with W as checkpoints keep it. */
export function linear(x: Value, weight: Value, bias: Value): Value {
  return add(matmul(x, weight, { transposeB: true }), bias); // [n, in] [out, in] -> [n, out]
}
