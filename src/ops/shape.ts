/** @file Other views of the same elements: reshape, transpose, expand, slice, concat, pad. */
import { emit, type Op, shapeError } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { sizeOf, type Tensor } from "../tensor/tensor.ts";
import { broadcast, positiveAxis } from "./broadcast.ts";

/** Whole numbers as ONNX takes them. [n] */
export const int64 = (values: readonly number[]): Tensor => ({
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

/** Joins tensors along one axis; a single one is given back as it is. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw new Error("concat: there is nothing to join; pass at least one value");
  const attributes = { axis: positiveAxis("concat", axis, first.dims.length) };
  if (values.length === 1) return first;
  const inputs = Object.fromEntries(values.map((value, i) => [partName(i), value]));
  return emit(concatOf(values.length), inputs, attributes);
}

type Concat = Op<string, { readonly axis: number }>;

const partName = (i: number): string => `part ${i + 1}`;

const CONCATS = new Map<number, Concat>();

/** The operator that joins so many tensors: an operator has one gradient rule per input. */
function concatOf(count: number): Concat {
  const known = CONCATS.get(count) ?? makeConcat(count);
  CONCATS.set(count, known);
  return known;
}

function makeConcat(count: number): Concat {
  const names = Array.from({ length: count }, (_, i) => partName(i));
  return {
    type: "Concat",
    infer(inputs, { axis }) {
      const [first, ...others] = names.map((name) => inputs[name]!) as [Value, ...Value[]];
      const shape = (value: Value): string => value.dims.with(axis, 0).join();
      if (others.some(({ dims }) => dims.length !== first.dims.length))
        throw shapeError("concat", inputs, "they have different numbers of axes");
      if (others.some((value) => shape(value) !== shape(first)))
        throw shapeError("concat", inputs, `axes other than ${axis} differ`);
      if (others.some(({ dtype }) => dtype !== first.dtype))
        throw shapeError("concat", inputs, "types differ");
      const length = others.reduce((sum, { dims }) => sum + dims[axis]!, first.dims[axis]!);
      return [{ dtype: first.dtype, dims: first.dims.with(axis, length) }];
    },
    onnx: ({ axis }) => ({ attributes: { axis } }),
    vjp: Object.fromEntries(
      names.map((name, i): [string, Concat["vjp"][string]] => [
        name,
        (dy, { inputs, attributes: { axis } }) => {
          const start = names.slice(0, i).reduce((sum, other) => sum + inputs[other]!.dims[axis]!, 0);
          return slice(dy, axis, start, start + inputs[name]!.dims[axis]!);
        },
      ]),
    ),
  };
}

/** Joins two; those of more are made alike, and have samples, too. */
export const concatOp: Concat = concatOf(2);
