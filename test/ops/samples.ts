/** @file At least one gradient sample per operator; the suite fails for an operator without one. */
import { emit } from "../../src/graph/op.ts";
import { constant, type Value } from "../../src/graph/value.ts";
import * as ops from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import type { Sample } from "./gradient-check.ts";

const pair = { a: [3, 4], b: [3, 4] };
const at = (dims: readonly number[], ...indices: number[]): Value =>
  constant(tensor("int32", dims, Int32Array.from(indices)));
const positive = [0.5, 2] as const;

export const SAMPLES: readonly Sample[] = [
  { name: "add", inputs: pair, apply: ({ a, b }) => ops.add(a!, b!) },
  { name: "add, b broadcast", inputs: { a: [2, 3, 4], b: [4] }, apply: ({ a, b }) => ops.add(a!, b!) },
  { name: "add, both broadcast", inputs: { a: [2, 1, 4], b: [3, 1] }, apply: ({ a, b }) => ops.add(a!, b!) },
  { name: "add, fan-out", inputs: { a: [3] }, apply: ({ a }) => ops.add(ops.mul(a!, a!), a!) },
  { name: "sub", inputs: { a: [3, 1], b: [3, 4] }, apply: ({ a, b }) => ops.sub(a!, b!) },
  { name: "mul", inputs: { a: [3, 4], b: [4] }, apply: ({ a, b }) => ops.mul(a!, b!) },
  { name: "div", inputs: { a: [3, 4], b: [4] }, range: positive, apply: ({ a, b }) => ops.div(a!, b!) },
  { name: "neg", inputs: { x: [5] }, apply: ({ x }) => ops.neg(x!) },
  { name: "exp", inputs: { x: [5] }, apply: ({ x }) => ops.exp(x!) },
  { name: "log", inputs: { x: [5] }, range: positive, apply: ({ x }) => ops.log(x!) },
  { name: "sqrt", inputs: { x: [5] }, range: positive, apply: ({ x }) => ops.sqrt(x!) },
  { name: "tanh", inputs: { x: [5] }, apply: ({ x }) => ops.tanh(x!) },
  { name: "sigmoid", inputs: { x: [5] }, apply: ({ x }) => ops.sigmoid(x!) },
  { name: "erf", inputs: { x: [7] }, dtype: "float32", apply: ({ x }) => ops.erf(x!) },
  { name: "gelu", inputs: { x: [7] }, dtype: "float32", apply: ({ x }) => ops.gelu(x!) },
  {
    name: "unitAffine",
    inputs: { x: [7] },
    dtype: "float32",
    range: [-0.9, 0.9],
    apply: ({ x }) => ops.unitAffine(x!, 0.5, 0.5),
  },
  { name: "relu", inputs: { x: [9] }, apply: ({ x }) => ops.relu(x!) },
  { name: "abs", inputs: { x: [9] }, apply: ({ x }) => ops.abs(x!) },
  { name: "silu", inputs: { x: [7] }, apply: ({ x }) => ops.silu(x!) },
  {
    name: "cast",
    inputs: { x: [5] },
    dtype: "float32",
    apply: ({ x }) => ops.cast(ops.cast(x!, "float64"), "float32"),
  },
  ...[false, true].flatMap((transposeA) =>
    [false, true].map(
      (transposeB): Sample => ({
        name: `matmul, transposes ${transposeA} ${transposeB}`,
        inputs: { a: transposeA ? [2, 5, 3] : [2, 3, 5], b: transposeB ? [2, 4, 5] : [2, 5, 4] },
        apply: ({ a, b }) => ops.matmul(a!, b!, { transposeA, transposeB, alpha: 0.3 }),
      }),
    ),
  ),
  {
    name: "gemm",
    inputs: { a: [3, 5], b: [4, 5] },
    apply: ({ a, b }) =>
      emit(ops.gemmOp, { a: a!, b: b! }, { transposeA: false, transposeB: true, alpha: 0.3 }),
  },
  {
    name: "plain matmul",
    inputs: { a: [2, 3, 5], b: [5, 4] },
    apply: ({ a, b }) =>
      emit(ops.plainMatmulOp, { a: a!, b: b! }, { transposeA: false, transposeB: false, alpha: 1 }),
  },
  {
    name: "reduceMax, as a shift that cancels out",
    inputs: { x: [3, 4] },
    apply({ x }) {
      const most = ops.reduceMax(x!, { axes: [-1], keepDims: true });
      return ops.add(
        ops.log(ops.reduceSum(ops.exp(ops.sub(x!, most)), { axes: [-1], keepDims: true })),
        most,
      );
    },
  },
  { name: "matmul, broadcast", inputs: { a: [2, 3, 5], b: [5, 4] }, apply: ({ a, b }) => ops.matmul(a!, b!) },
  { name: "reduceSum", inputs: { x: [2, 3, 4] }, apply: ({ x }) => ops.reduceSum(x!, { axes: [0, -1] }) },
  {
    name: "reduceMean",
    inputs: { x: [2, 3, 4] },
    apply: ({ x }) => ops.reduceMean(x!, { axes: [1], keepDims: true }),
  },
  { name: "reshape", inputs: { x: [2, 6] }, apply: ({ x }) => ops.reshape(x!, [3, 4]) },
  { name: "transpose", inputs: { x: [2, 3, 4] }, apply: ({ x }) => ops.transpose(x!, [2, 0, 1]) },
  { name: "expand", inputs: { x: [3, 1] }, apply: ({ x }) => ops.expand(x!, [2, 3, 4]) },
  { name: "slice", inputs: { x: [2, 5] }, apply: ({ x }) => ops.slice(x!, -1, 1, 4) },
  { name: "pad", inputs: { x: [2, 3] }, apply: ({ x }) => ops.pad(x!, 1, 1, 2) },
  { name: "concat", inputs: { a: [2, 3], b: [2, 2] }, apply: ({ a, b }) => ops.concat([a!, b!], 1) },
  {
    name: "concat of three",
    inputs: { a: [2, 3], b: [2, 1], c: [2, 2] },
    apply: ({ a, b, c }) => ops.concat([a!, b!, c!], -1),
  },
  { name: "gather", inputs: { x: [4, 3] }, apply: ({ x }) => ops.gather(x!, at([2, 3], 0, 3, 3, 1, 3, 0)) },
  {
    name: "gather along an inner axis",
    inputs: { x: [2, 4, 3] },
    apply: ({ x }) => ops.gather(x!, at([3], 2, 0, 2), 1),
  },
  {
    name: "gather along the last axis, 64-bit indices",
    inputs: { x: [3, 4] },
    apply: ({ x }) => ops.gather(x!, constant(tensor("int64", [2], BigInt64Array.of(3n, 3n))), -1),
  },
  {
    name: "oneHot",
    inputs: { x: [4, 3] },
    apply: ({ x }) => ops.matmul(ops.cast(ops.oneHot(at([2], 3, 1), 4), x!.dtype), x!),
  },
  { name: "topK", inputs: { x: [3, 5] }, apply: ({ x }) => ops.topK(x!, 2).values },
  {
    name: "rows that topK chooses",
    inputs: { x: [2, 5], rows: [5, 3] },
    apply({ x, rows }) {
      const { values, indices } = ops.topK(x!, 2);
      return ops.mul(ops.gather(rows!, indices), ops.reshape(values, [2, 2, 1]));
    },
  },
  { name: "softmax", inputs: { x: [3, 4] }, apply: ({ x }) => ops.softmax(x!) },
  { name: "logSoftmax", inputs: { x: [3, 4] }, apply: ({ x }) => ops.logSoftmax(x!) },
  {
    name: "layerNorm",
    inputs: { x: [3, 8], weight: [8], bias: [8] },
    dtype: "float32",
    apply: ({ x, weight, bias }) => ops.layerNorm(x!, weight!, bias!, 1e-6),
  },
];
