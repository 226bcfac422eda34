/** @file Choosing elements by number: gather, one-hot rows, the largest of a row. */
import { emit, emitAll, type Op, shapeError } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { positiveAxis } from "./broadcast.ts";
import { cast } from "./cast.ts";
import { matmul } from "./matmul.ts";
import { int64, reshape } from "./shape.ts";

/** The slices of those numbers along one axis, which the indices' axes replace. indices: int32 or int64 */
export function gather(x: Value, indices: Value, axis = 0): Value {
  return emit(gatherOp, { x, indices }, { axis: positiveAxis("gather", axis, x.dims.length) });
}
export const gatherOp: Op<"x" | "indices", { axis: number }> = {
  type: "Gather",
  infer(inputs, { axis }) {
    const { x, indices } = inputs;
    if (!isIndex(indices)) throw shapeError("gather", inputs, "indices must be int32 or int64");
    return [{ dtype: x.dtype, dims: [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)] }];
  },
  onnx: ({ axis }) => ({ attributes: { axis } }),
  vjp: {
    // dx[n] is the sum of dy over the places that chose n: as a product, which is fast and always adds in one order.
    x(dy, { inputs: { x, indices }, attributes: { axis } }) {
      const [outer, inner] = [sizeOf(x.dims.slice(0, axis)), sizeOf(x.dims.slice(axis + 1))];
      const places = sizeOf(indices.dims);
      const chosen = cast(oneHot(reshape(indices, [places]), x.dims[axis]!), dy.dtype); // [places, n]
      const rows = reshape(dy, outer === 1 ? [places, inner] : [outer, places, inner]);
      return reshape(matmul(chosen, rows, { transposeA: true }), x.dims);
    },
    indices: "constant", // they may come from what is trained, as those of `topK` do
  },
};

/** Rows of zeros with a 1 in the place of that number. indices: int32 or int64 [...]; result: float32 [..., depth] */
export const oneHot = (indices: Value, depth: number): Value =>
  emit(oneHotOp, { indices: cast(indices, "int64") }, { depth }); // ONNX Runtime's CPU has no kernel for int32 here
export const oneHotOp: Op<"indices", { depth: number }> = {
  type: "OneHot",
  infer(inputs, { depth }) {
    const { indices } = inputs;
    if (indices.dtype !== "int64") throw shapeError("oneHot", inputs, "indices must be int64");
    return [{ dtype: "float32", dims: [...indices.dims, depth] }];
  },
  onnx: ({ depth }) => ({
    constants: [int64([depth]), { dtype: "float32", dims: [2], data: Float32Array.of(0, 1) }],
  }),
  vjp: { indices: "constant" },
};

/** The k largest of the last axis, the largest first, and where they are. values: [..., k]; indices: int64 [..., k] */
export function topK(x: Value, k: number): { readonly values: Value; readonly indices: Value } {
  const [values, indices] = emitAll(topKOp, { x }, { k }) as [Value, Value];
  return { values, indices };
}
export const topKOp: Op<"x", { k: number }> = {
  type: "TopK",
  infer(inputs, { k }) {
    const { dims, dtype } = inputs.x;
    const length = dims.at(-1) ?? 0;
    if (k < 1 || k > length) throw shapeError("topK", inputs, `there are ${length} to choose ${k} of`);
    return [
      { dtype, dims: dims.with(-1, k) },
      { dtype: "int64", dims: dims.with(-1, k) },
    ];
  },
  onnx: ({ k }) => ({ attributes: { axis: -1 }, constants: [int64([k])] }),
  vjp: {
    x(dy, { inputs: { x }, outputs, attributes: { k } }) {
      const places = cast(oneHot(outputs[1]!, x.dims.at(-1)!), dy.dtype); // [..., k, n]
      return reshape(matmul(reshape(dy, [...x.dims.slice(0, -1), 1, k]), places), x.dims);
    },
  },
};

const isIndex = ({ dtype }: Value): boolean => dtype === "int32" || dtype === "int64";
