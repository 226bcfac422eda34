/** @file Sums and means over axes. */
import { emit, type Op } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { positiveAxis } from "./broadcast.ts";
import { scale } from "./elementwise.ts";
import { expand, reshape } from "./shape.ts";

/** Options of the reductions. */
export interface ReduceOptions {
  /** Axes to reduce; negative ones count from the end. All of them if absent. */
  readonly axes?: readonly number[];
  /** Keep reduced axes with length 1. */
  readonly keepDims?: boolean;
}

/** Resolved `ReduceOptions`. */
export interface ReduceAttributes {
  readonly axes: readonly number[]; // positive
  readonly keepDims: boolean;
}

/** Sum over axes. */
export function reduceSum(x: Value, options: ReduceOptions = {}): Value {
  return emit(reduceSumOp, { x }, resolve("reduceSum", x, options));
}

/** Mean over axes. */
export function reduceMean(x: Value, options: ReduceOptions = {}): Value {
  return emit(reduceMeanOp, { x }, resolve("reduceMean", x, options));
}

/** Largest element over axes. A gradient takes it as fixed: it is for shifts that cancel out. */
export function reduceMax(x: Value, options: ReduceOptions = {}): Value {
  return emit(reduceMaxOp, { x }, resolve("reduceMax", x, options));
}

export const reduceMaxOp: Op<"x", ReduceAttributes> = {
  type: "ReduceMax",
  ...reduction(),
  vjp: { x: "constant" },
};

export const reduceSumOp: Op<"x", ReduceAttributes> = {
  type: "ReduceSum",
  ...reduction(),
  vjp: { x: (dy, { inputs, attributes }) => spread(dy, inputs.x, attributes) },
};

export const reduceMeanOp: Op<"x", ReduceAttributes> = {
  type: "ReduceMean",
  ...reduction(),
  vjp: {
    x(dy, { inputs, attributes }) {
      const count = attributes.axes.reduce((product, axis) => product * inputs.x.dims[axis]!, 1);
      return spread(scale(dy, 1 / count), inputs.x, attributes);
    },
  },
};

function reduction(): Pick<Op<"x", ReduceAttributes>, "infer" | "onnx"> {
  return {
    infer: ({ x }, { axes, keepDims }) => {
      const kept = keptDims(x, axes);
      return [{ dtype: x.dtype, dims: keepDims ? kept : kept.filter((_, axis) => !axes.includes(axis)) }];
    },
    onnx: ({ axes, keepDims }) => ({
      attributes: { keepdims: Number(keepDims) },
      constants: [{ dtype: "int64", dims: [axes.length], data: BigInt64Array.from(axes, BigInt) }],
    }),
  };
}

function resolve(type: string, x: Value, { axes, keepDims = false }: ReduceOptions): ReduceAttributes {
  return {
    axes: axes?.map((axis) => positiveAxis(type, axis, x.dims.length)) ?? [...x.dims.keys()],
    keepDims,
  };
}

const keptDims = (x: Value, axes: readonly number[]): number[] =>
  x.dims.map((dim, axis) => (axes.includes(axis) ? 1 : dim));

/** Gives every reduced element the gradient of its sum. */
function spread(dy: Value, x: Value, { axes }: ReduceAttributes): Value {
  return expand(reshape(dy, keptDims(x, axes)), x.dims);
}
