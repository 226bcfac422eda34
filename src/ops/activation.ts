/** @file Activation functions of Transformer blocks. */
import { emit, type Op } from "../graph/op.ts";
import { scalar, type Value } from "../graph/value.ts";
import { add, erf, exp, mul, scale, sigmoid, sign, sub, unitAffine } from "./elementwise.ts";

/** y = x Φ(x), the exact form with erf. */
export const gelu = (x: Value): Value => emit(geluOp, { x }, {});
export const geluOp: Op<"x", object> = {
  type: "Gelu",
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  vjp: {
    x(dy, { inputs: { x } }) {
      // With s = x / √2: Φ(x) = (1 + erf s) / 2, and x φ(x) = s exp(−s² − ln √π). Few passes: it is memory that costs.
      const s = scale(x, Math.SQRT1_2);
      const cdf = unitAffine(erf(s), 0.5, 0.5);
      const xDensity = mul(s, exp(sub(scalar(-0.5 * Math.log(Math.PI), x.dtype), mul(s, s))));
      return mul(dy, add(cdf, xDensity)); // dx = dy (Φ(x) + x φ(x))
    },
  },
};

/** y = x σ(x). */
export const silu = (x: Value): Value => mul(x, sigmoid(x));

/** y = max(x, 0). */
export const relu = (x: Value): Value => emit(reluOp, { x }, {});
export const reluOp: Op<"x", object> = {
  type: "Relu",
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  vjp: { x: (dy, { outputs }) => mul(dy, sign(outputs[0]!)) }, // y is never negative
};
