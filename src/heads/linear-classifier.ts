/** @file Linear classifiers and their scores. */
import { product, transposed } from "../tensor/linear-algebra.ts";

/** A linear classifier over `classes` (stream positions). */
export interface LinearClassifier {
  readonly classes: readonly number[];
  readonly weight: Float64Array; // [classes, d]
  readonly bias: Float64Array; // [classes]
}

/** Scores of a linear classifier as [n, classCount], −∞ for classes it doesn't know. */
export function linearScores(
  { classes, weight, bias }: LinearClassifier,
  features: Float32Array | Float64Array,
  width: number,
  classCount: number,
): Float32Array {
  const n = features.length / width;
  const scores = new Float32Array(n * classCount).fill(Number.NEGATIVE_INFINITY);
  const products = product(weight, width, transposed(features, n, width), n); // [classes, n]
  for (let i = 0; i < classes.length; i++) {
    const [label, own] = [classes[i]!, bias[i]!];
    for (let row = 0; row < n; row++) scores[row * classCount + label] = products[i * n + row]! + own;
  }
  return scores;
}

/** Rows scaled to unit length. */
export function unitRows<Rows extends Float32Array | Float64Array>(rows: Rows, width: number): Rows {
  const result = rows.slice() as Rows;
  for (let start = 0; start < result.length; start += width) {
    const row = result.subarray(start, start + width);
    let squares = 0;
    for (const value of row) squares += value * value;
    const norm = Math.sqrt(squares) || 1;
    for (let i = 0; i < width; i++) row[i]! /= norm;
  }
  return result;
}
