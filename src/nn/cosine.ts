/** @file Cosines between rows: cosine heads, and keys of prompts. */
import { constant, type Value } from "../graph/value.ts";
import { add, div, matmul, mul, reduceSum, sqrt } from "../ops/index.ts";
import { filledTensor } from "../tensor/tensor.ts";

/** The length that a shorter row counts as: a row of zeros stays one. */
const SHORTEST = 1e-12;

/** Rows at length 1: x / √(Σ x² + ε²). [..., d] -> [..., d] */
export function l2Normalize(x: Value): Value {
  const squares = reduceSum(mul(x, x), { axes: [-1], keepDims: true });
  return div(x, sqrt(add(squares, constant(filledTensor([], SHORTEST ** 2)))));
}

/** The cosine of every row with every key. rows: [n, d], keys: [m, d], result: [n, m] */
export const cosines = (rows: Value, keys: Value): Value =>
  matmul(l2Normalize(rows), l2Normalize(keys), { transposeB: true });

/** Logits of a cosine head: scale cos(feature, row of the class). features: [n, d], rows: [classes, d], scale: [] */
export const cosineLogits = (features: Value, rows: Value, scale: Value): Value =>
  mul(cosines(features, rows), scale);
