/** @file Conversion between element types. */
import { emit, type Op } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import type { DType } from "../tensor/tensor.ts";

/** ONNX's number of each element type. */
export const ONNX_TYPE: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float64: 11,
};

/** The same numbers in another type. */
export const cast = (x: Value, dtype: DType): Value =>
  x.dtype === dtype ? x : emit(castOp, { x }, { dtype });
export const castOp: Op<"x", { dtype: DType }> = {
  type: "Cast",
  infer: ({ x }, { dtype }) => [{ dtype, dims: x.dims }],
  onnx: ({ dtype }) => ({ attributes: { to: ONNX_TYPE[dtype] } }),
  vjp: { x: (dy, { inputs }) => cast(dy, inputs.x.dtype) },
};
