/** @file Activation functions of Transformer blocks. */
import { emit, type Op } from "../graph/op.ts";
import { scalar, type Value } from "../graph/value.ts";
import { add, erf, exp, mul, scale, sigmoid } from "./elementwise.ts";

/** y = x Φ(x), the exact form with erf. */
export const gelu = (x: Value): Value => emit(geluOp, { x }, {});
export const geluOp: Op<"x", object> = {
  type: "Gelu",
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  vjp: {
    x(dy, { inputs: { x } }) {
      const cdf = scale(add(erf(scale(x, Math.SQRT1_2)), scalar(1, x.dtype)), 0.5); // Φ(x)
      const xDensity = mul(x, exp(scale(mul(x, x), -0.5))); // x φ(x) √(2π)
      return mul(dy, add(cdf, scale(xDensity, 1 / Math.sqrt(2 * Math.PI)))); // dx = dy (Φ(x) + x φ(x))
    },
  },
};

/** y = x σ(x). */
export const silu = (x: Value): Value => mul(x, sigmoid(x));
