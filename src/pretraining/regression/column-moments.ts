/** @file Mean and deviation of columns over more rows than memory holds. */
import { constant, type Value } from "../../graph/value.ts";
import { matmul, mul } from "../../ops/index.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { filledTensor, float32Data, tensor } from "../../tensor/tensor.ts";
import { type AffineLayer, addTo } from "./affine-fit.ts";

/** Keeps columns that hardly change from being blown up, in mean variances. */
const FLOOR = 1e-3;

/** What `ColumnMoments` add up. @param rows [n, d] @param weight of each row, [n, 1] */
export function columnMoments(name: string, rows: Value, weight: Value): Record<string, Value> {
  const ones = constant(filledTensor([rows.dims[0]!, 1], 1));
  return {
    [`${name}/sum`]: matmul(weight, rows, { transposeA: true }), // [1, d]
    [`${name}/squares`]: matmul(weight, mul(rows, rows), { transposeA: true }),
    [`${name}/total`]: matmul(weight, ones, { transposeA: true }), // [1, 1]
  };
}

/** Of all batches that were added. */
export class ColumnMoments {
  readonly #name: string;
  readonly #sum: Float64Array;
  readonly #squares: Float64Array;
  readonly #total = new Float64Array(1);

  constructor(name: string, width: number) {
    this.#name = name;
    this.#sum = new Float64Array(width);
    this.#squares = new Float64Array(width);
  }

  /** Takes what a graph gave for `columnMoments` of the same name. */
  add(results: Tensors): void {
    addTo(this.#sum, float32Data(results[`${this.#name}/sum`]!));
    addTo(this.#squares, float32Data(results[`${this.#name}/squares`]!));
    addTo(this.#total, float32Data(results[`${this.#name}/total`]!));
  }

  /** Standard deviations. [d] */
  deviations(): Float64Array {
    const total = this.#total[0]!;
    return this.#sum.map((sum, i) => Math.sqrt(Math.max(0, this.#squares[i]! / total - (sum / total) ** 2)));
  }

  /** Scale and shift that give every column mean 0 and deviation 1, so that all are equally easy to read. */
  whitening(): AffineLayer {
    const variance = this.deviations().map((deviation) => deviation ** 2);
    const floor = (FLOOR * variance.reduce((sum, value) => sum + value, 0)) / variance.length;
    const weight = Float32Array.from(variance, (value) => 1 / Math.sqrt(value + floor));
    const bias = weight.map((value, i) => (-value * this.#sum[i]!) / this.#total[0]!);
    return {
      weight: tensor("float32", [weight.length], weight),
      bias: tensor("float32", [bias.length], bias),
    };
  }
}
