/** @file Other views of the same elements: reshape, transpose, expand, slice, concat, pad. */
import { emit, type Op, shapeError } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { broadcast, positiveAxis } from "./broadcast.ts";

const int64 = (values: readonly number[]): Tensor => ({
  dtype: "int64",
  dims: [values.length],
  data: BigInt64Array.from(values, BigInt),
});

/** The same elements in order, in another shape. */
export const reshape = (x: Value, dims: readonly number[]): Value => emit(reshapeOp, { x }, { dims });
export const reshapeOp: Op<"x", { dims: readonly number[] }> = {
  type: "Reshape",
  infer(inputs, { dims }) {
    if (sizeOf(inputs.x.dims) !== sizeOf(dims))
      throw shapeError("reshape", inputs, `cannot become [${dims}]`);
    return [{ dtype: inputs.x.dtype, dims }];
  },
  onnx: ({ dims }) => ({ constants: [int64(dims)] }),
  vjp: { x: (dy, { inputs }) => reshape(dy, inputs.x.dims) },
};

/** Axis i of the result is axis `order[i]` of x. */
export const transpose = (x: Value, order: readonly number[]): Value => emit(transposeOp, { x }, { order });
export const transposeOp: Op<"x", { order: readonly number[] }> = {
  type: "Transpose",
  infer(inputs, { order }) {
    const { dims, dtype } = inputs.x;
    if (order.toSorted((a, b) => a - b).join() !== [...dims.keys()].join()) {
      throw shapeError("transpose", inputs, `[${order}] is no order of its axes`);
    }
    return [{ dtype, dims: order.map((axis) => dims[axis]!) }];
  },
  onnx: ({ order }) => ({ attributes: { perm: order } }),
  vjp: {
    x: (dy, { attributes: { order } }) =>
      transpose(
        dy,
        order.map((_, axis) => order.indexOf(axis)),
      ),
  },
};

/** Repeats axes of length 1 (and missing leading axes) up to `dims`. */
export const expand = (x: Value, dims: readonly number[]): Value => emit(expandOp, { x }, { dims });
export const expandOp: Op<"x", { dims: readonly number[] }> = {
  type: "Expand",
  infer(inputs, { dims }) {
    if (broadcast(inputs.x.dims, dims)?.join() !== dims.join()) {
      throw shapeError("expand", inputs, `cannot become [${dims}]`);
    }
    return [{ dtype: inputs.x.dtype, dims }];
  },
  onnx: ({ dims }) => ({ constants: [int64(dims)] }),
  vjp: { x: (dy) => dy }, // backward sums what was repeated
};

/** start <= i < end along one axis. */
export interface SliceAttributes {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

/** Elements start <= i < end along one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  return emit(sliceOp, { x }, { axis: positiveAxis("slice", axis, x.dims.length), start, end });
}
export const sliceOp: Op<"x", SliceAttributes> = {
  type: "Slice",
  infer(inputs, { axis, start, end }) {
    const { dims, dtype } = inputs.x;
    if (start < 0 || end > dims[axis]! || start >= end) {
      throw shapeError("slice", inputs, `${start} to ${end} is outside axis ${axis}`);
    }
    return [{ dtype, dims: dims.with(axis, end - start) }];
  },
  onnx: ({ axis, start, end }) => ({ constants: [int64([start]), int64([end]), int64([axis])] }),
  vjp: {
    x: (dy, { inputs: { x }, attributes: { axis, start, end } }) => pad(dy, axis, start, x.dims[axis]! - end),
  },
};

/** Zeros to add along one axis of a tensor with `rank` axes. */
export interface PadAttributes {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly rank: number;
}

/** Zeros before and after along one axis. */
export function pad(x: Value, axis: number, before: number, after: number): Value {
  return emit(
    padOp,
    { x },
    { axis: positiveAxis("pad", axis, x.dims.length), before, after, rank: x.dims.length },
  );
}
export const padOp: Op<"x", PadAttributes> = {
  type: "Pad",
  infer: ({ x }, { axis, before, after }) => [
    { dtype: x.dtype, dims: x.dims.with(axis, before + x.dims[axis]! + after) },
  ],
  onnx({ axis, before, after, rank }) {
    const zeros = new Array<number>(rank).fill(0);
    return { constants: [int64([...zeros.with(axis, before), ...zeros.with(axis, after)])] };
  },
  vjp: {
    x: (dy, { inputs: { x }, attributes: { axis, before } }) =>
      slice(dy, axis, before, before + x.dims[axis]!),
  },
};

/** Joins two tensors along one axis. */
export function concat(a: Value, b: Value, axis: number): Value {
  return emit(concatOp, { a, b }, { axis: positiveAxis("concat", axis, a.dims.length) });
}
export const concatOp: Op<"a" | "b", { axis: number }> = {
  type: "Concat",
  infer(inputs, { axis }) {
    const { a, b } = inputs;
    if (a.dims.with(axis, 0).join() !== b.dims.with(axis, 0).join()) {
      throw shapeError("concat", inputs, `axes other than ${axis} differ`);
    }
    return [{ dtype: a.dtype, dims: a.dims.with(axis, a.dims[axis]! + b.dims[axis]!) }];
  },
  onnx: ({ axis }) => ({ attributes: { axis } }),
  vjp: {
    a: (dy, { inputs: { a }, attributes: { axis } }) => slice(dy, axis, 0, a.dims[axis]!),
    b: (dy, { inputs: { a }, attributes: { axis } }) => slice(dy, axis, a.dims[axis]!, dy.dims[axis]!),
  },
};
