/** @file Rounds weight matrices to 8 bits. */
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** A matrix in 8 bits: values[i, j] scale[j]. */
export interface QuantizedColumns {
  readonly values: Tensor<"int8">; // [k, n]
  readonly scale: Tensor<"float32">; // [n]
}

const TILE = 64; // columns of a tile that is turned: a cache line of the result
const LINE = 16; // numbers in a cache line of the matrix

/** Symmetric rounding of the columns of `matrix` [k, n]: the largest of each becomes ±largest. */
export function quantizeColumns(matrix: Tensor<"float32">, largest: number): QuantizedColumns {
  const [rows, columns] = matrix.dims as [number, number];
  const { data } = matrix;
  const scale = new Float32Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      const size = Math.abs(data[at]!);
      if (size > scale[j]!) scale[j] = size;
    }
  }
  const inverse = inverses(scale, largest);
  const values = new Int8Array(data.length);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) values[at] = rounded(data[at]! * inverse[j]!);
  }
  return { values: tensor("int8", [rows, columns], values), scale: tensor("float32", [columns], scale) };
}

/** The same for the transpose of `matrix` [n, k]. */
export function quantizeTransposed(matrix: Tensor<"float32">, largest: number): QuantizedColumns {
  const [columns, rows] = matrix.dims as [number, number];
  const { data } = matrix;
  const scale = new Float32Array(columns);
  for (let j = 0, at = 0; j < columns; j++) {
    let size = 0;
    for (let i = 0; i < rows; i++, at++) {
      const own = Math.abs(data[at]!);
      if (own > size) size = own;
    }
    scale[j] = size;
  }
  const inverse = inverses(scale, largest);
  const values = new Int8Array(data.length);
  for (let first = 0; first < columns; first += TILE) {
    const end = Math.min(first + TILE, columns);
    for (let line = 0; line < rows; line += LINE) {
      const last = Math.min(line + LINE, rows);
      for (let j = first; j < end; j++) {
        const step = inverse[j]!;
        let to = line * columns + j;
        for (let from = j * rows + line; from < j * rows + last; from++, to += columns) {
          values[to] = rounded(data[from]! * step);
        }
      }
    }
  }
  return { values: tensor("int8", [rows, columns], values), scale: tensor("float32", [columns], scale) };
}

/** Math.round takes three times as long in V8. */
const rounded = (value: number): number => Math.floor(value + 0.5);

/** Turns largest sizes into scales, in place, and returns 1 / scale; 0 for a column of zeros. */
function inverses(scale: Float32Array, largest: number): Float32Array {
  for (let j = 0; j < scale.length; j++) scale[j]! /= largest;
  return scale.map((step) => (step > 0 ? 1 / step : 0));
}
