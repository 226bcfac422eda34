/** @file Softmax and its logarithm over the last axis. */
import { emit, type Op } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { exp, mul, sub } from "./elementwise.ts";
import { reduceSum } from "./reduce.ts";

const lastAxis: Pick<Op<"x", object>, "infer" | "onnx"> = {
  infer: ({ x }) => [{ dtype: x.dtype, dims: x.dims }],
  onnx: () => ({ attributes: { axis: -1 } }),
};
const rowSum = (x: Value): Value => reduceSum(x, { axes: [-1], keepDims: true });

/** y = e^x / Σ e^x over the last axis. */
export const softmax = (x: Value): Value => emit(softmaxOp, { x }, {});
export const softmaxOp: Op<"x", object> = {
  type: "Softmax",
  ...lastAxis,
  vjp: {
    x(dy, { outputs }) {
      const weighted = mul(dy, outputs[0]!);
      return sub(weighted, mul(outputs[0]!, rowSum(weighted))); // dx = y ∘ (dy − Σ y ∘ dy)
    },
  },
};

/** y = x − log Σ e^x over the last axis. */
export const logSoftmax = (x: Value): Value => emit(logSoftmaxOp, { x }, {});
export const logSoftmaxOp: Op<"x", object> = {
  type: "LogSoftmax",
  ...lastAxis,
  vjp: { x: (dy, { outputs }) => sub(dy, mul(exp(outputs[0]!), rowSum(dy))) }, // dx = dy − e^y Σ dy
};
