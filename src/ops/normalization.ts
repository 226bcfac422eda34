/** @file Layer normalization. */
import { emit, type Op, shapeError } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { mul, sub } from "./elementwise.ts";
import { reduceMean } from "./reduce.ts";

/** y = (x − mean) / sqrt(variance + epsilon) · weight + bias over the last axis. */
export function layerNorm(x: Value, weight: Value, bias: Value, epsilon: number): Value {
  return emit(layerNormOp, { x, weight, bias }, { epsilon });
}
export const layerNormOp: Op<"x" | "weight" | "bias", { epsilon: number }> = {
  type: "LayerNormalization",
  infer(inputs) {
    const { x, weight, bias } = inputs;
    const width = x.dims.at(-1)!;
    if (weight.dims.join() !== `${width}` || bias.dims.join() !== `${width}`) {
      throw shapeError("layerNorm", inputs, `weight and bias must be [${width}]`);
    }
    const statistics = { dtype: x.dtype, dims: x.dims.with(-1, 1) };
    return [{ dtype: x.dtype, dims: x.dims }, statistics, statistics]; // y, mean, 1 / deviation
  },
  onnx: ({ epsilon }) => ({ attributes: { axis: -1, epsilon: { float: epsilon } } }),
  vjp: {
    x(dy, call) {
      const [, center, inverseDeviation] = call.outputs as [Value, Value, Value];
      const dn = mul(dy, call.inputs.weight);
      const centered = sub(call.inputs.x, center);
      const mean = (v: Value) => reduceMean(v, { axes: [-1], keepDims: true });
      // dx = (dn − mean(dn) − n mean(dn ∘ n)) / deviation with n = centered / deviation; n itself would be one pass more
      const slope = mul(mean(mul(dn, centered)), mul(inverseDeviation, inverseDeviation));
      return mul(sub(sub(dn, mean(dn)), mul(centered, slope)), inverseDeviation);
    },
    weight: (dy, call) => mul(dy, normalized(call.inputs.x, call.outputs)),
    bias: (dy) => dy,
  },
};

/** n = (x − mean) / deviation. */
const normalized = (x: Value, [, mean, inverseDeviation]: readonly Value[]): Value =>
  mul(sub(x, mean!), inverseDeviation!);
