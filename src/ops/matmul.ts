/** @file Matrix product. */
import { emit, type Op, shapeError } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { broadcast } from "./broadcast.ts";

/** Options of `matmul`. */
export interface MatmulOptions {
  /** Use the transpose of a's last two axes. */
  readonly transposeA?: boolean;
  /** Use the transpose of b's last two axes: checkpoints keep linear weights as [out, in]. */
  readonly transposeB?: boolean;
  /** Factor on the product, 1 if absent. */
  readonly alpha?: number;
}

/** y[..., m, n] = alpha a[..., m, k] b[..., k, n]. Leading axes broadcast. */
export function matmul(a: Value, b: Value, options: MatmulOptions = {}): Value {
  return emit(matmulOp, { a, b }, { transposeA: false, transposeB: false, alpha: 1, ...options });
}

export const matmulOp: Op<"a" | "b", Required<MatmulOptions>> = {
  type: "FusedMatMul",
  domain: "com.microsoft", // MatMul with transposes and a factor: no weight is ever transposed in memory
  infer(inputs, { transposeA, transposeB }) {
    const { a, b } = inputs;
    if (a.dims.length < 2 || b.dims.length < 2)
      throw shapeError("matmul", inputs, "both need at least two axes");
    if (a.dtype !== b.dtype) throw shapeError("matmul", inputs, "types differ");
    const [rows, inner] = lastTwo(a, transposeA);
    const [innerB, columns] = lastTwo(b, transposeB);
    if (inner !== innerB) throw shapeError("matmul", inputs, `${inner} != ${innerB}`);
    const leading = broadcast(a.dims.slice(0, -2), b.dims.slice(0, -2));
    if (leading === null) throw shapeError("matmul", inputs, "leading axes don't broadcast");
    return [{ dtype: a.dtype, dims: [...leading, rows, columns] }];
  },
  onnx: ({ transposeA, transposeB, alpha }) => ({
    attributes: { transA: Number(transposeA), transB: Number(transposeB), alpha: { float: alpha } },
  }),
  vjp: {
    // y = A B with A = a or its transpose: dA = dy Bᵀ, and da = dA or its transpose.
    a: (dy, { inputs: { b }, attributes: { transposeA, transposeB, alpha } }) =>
      transposeA
        ? matmul(b, dy, { transposeA: transposeB, transposeB: true, alpha })
        : matmul(dy, b, { transposeB: !transposeB, alpha }),
    b: (dy, { inputs: { a }, attributes: { transposeA, transposeB, alpha } }) =>
      transposeB
        ? matmul(dy, a, { transposeA: true, transposeB: transposeA, alpha })
        : matmul(a, dy, { transposeA: !transposeA, alpha }),
  },
};

const { domain: _, ...plain } = matmulOp;

/** The same of matrices, for runtimes that know ONNX's own operators alone; `lowered` makes it. */
export const gemmOp: typeof matmulOp = {
  ...plain,
  type: "Gemm",
  infer(inputs, attributes) {
    if (inputs.a.dims.length !== 2 || inputs.b.dims.length !== 2)
      throw shapeError("gemm", inputs, "both need two axes");
    return plain.infer(inputs, attributes);
  },
};

/** The same with leading axes, without transposes and factor. */
export const plainMatmulOp: typeof matmulOp = { ...plain, type: "MatMul", onnx: () => ({}) };

function lastTwo({ dims }: Value, transpose: boolean): [number, number] {
  const [rows, columns] = dims.slice(-2) as [number, number];
  return transpose ? [columns, rows] : [rows, columns];
}
