/** @file Least squares over more rows than memory holds: a graph sums the moments of each batch, we solve for them all. */
import { constant, type Value } from "../../graph/value.ts";
import { concat, matmul, mul } from "../../ops/index.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { solveRidge } from "../../tensor/linear-algebra.ts";
import { filledTensor, float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Ridge of all fits, in mean variances of the inputs. */
const RIDGE = 1e-3;

/** An affine layer as checkpoints keep it. */
export interface AffineLayer {
  readonly weight: Tensor<"float32">; // [out, in]
  readonly bias: Tensor<"float32">; // [out]
}

/**
 * What an `AffineFit` adds up: Σ w (x, 1)ᵀ(x, 1) and Σ w (x, 1)ᵀ y over the rows of a batch.
 * @param x [n, in] @param y [n, out] @param weight of each row, [n, 1]
 */
export function moments(name: string, x: Value, y: Value, weight: Value): Record<string, Value> {
  const design = concat([x, constant(filledTensor([x.dims[0]!, 1], 1))], 1);
  const weighted = mul(design, weight);
  return {
    [`${name}/inner`]: matmul(weighted, design, { transposeA: true }),
    [`${name}/outer`]: matmul(weighted, y, { transposeA: true }),
  };
}

/** y ≈ W x + b with the least squared error, of the moments of all batches. */
export class AffineFit {
  readonly #name: string;
  readonly #inputs: number;
  readonly #outputs: number;
  readonly #inner: Float64Array; // [in + 1, in + 1]
  readonly #outer: Float64Array; // [in + 1, out]

  constructor(name: string, inputs: number, outputs: number) {
    this.#name = name;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#inner = new Float64Array((inputs + 1) ** 2);
    this.#outer = new Float64Array((inputs + 1) * outputs);
  }

  /** Takes what a graph gave for `moments` of the same name. */
  add(results: Tensors): void {
    addTo(this.#inner, float32Data(results[`${this.#name}/inner`]!));
    addTo(this.#outer, float32Data(results[`${this.#name}/outer`]!));
  }

  /** The layer from some of the inputs to some of the outputs; all without a choice. */
  solve(inputs = range(this.#inputs), outputs = range(this.#outputs)): AffineLayer {
    const { meanX, meanY, solution } = this.#solution(inputs, outputs);
    const weight = new Float32Array(outputs.length * inputs.length);
    const bias = Float32Array.from(meanY);
    for (let i = 0; i < inputs.length; i++) {
      for (let o = 0; o < outputs.length; o++) {
        const value = solution[i * outputs.length + o]!;
        weight[o * inputs.length + i] = value;
        bias[o]! -= value * meanX[i]!;
      }
    }
    return {
      weight: tensor("float32", [outputs.length, inputs.length], weight),
      bias: tensor("float32", [outputs.length], bias),
    };
  }

  /** How much of the outputs' sum of squares these inputs account for: larger is better. */
  explained(inputs: readonly number[]): number {
    const { covariance, solution } = this.#solution(inputs, range(this.#outputs));
    return covariance.reduce((sum, value, i) => sum + value * solution[i]!, 0);
  }

  /** In deviations from the means, so that the ridge leaves the bias alone. */
  #solution(inputs: readonly number[], outputs: readonly number[]) {
    const last = this.#inputs;
    const inner = (row: number, column: number): number => this.#inner[row * (last + 1) + column]!;
    const outer = (row: number, column: number): number => this.#outer[row * this.#outputs + column]!;
    const total = inner(last, last);
    const meanX = inputs.map((input) => inner(input, last) / total);
    const meanY = outputs.map((output) => outer(last, output) / total);
    const [p, q] = [inputs.length, outputs.length];
    const square = new Float64Array(p * p);
    const covariance = new Float64Array(p * q);
    for (let i = 0; i < p; i++) {
      for (let j = 0; j < p; j++) {
        square[i * p + j] = inner(inputs[i]!, inputs[j]!) - total * meanX[i]! * meanX[j]!;
      }
      for (let o = 0; o < q; o++) {
        covariance[i * q + o] = outer(inputs[i]!, outputs[o]!) - total * meanX[i]! * meanY[o]!;
      }
    }
    return { meanX, meanY, covariance, solution: solveRidge(square, p, RIDGE, covariance, q) };
  }
}

/** 0 to count - 1. */
export const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** sum += part, number by number. */
export function addTo(sum: Float64Array, part: ArrayLike<number>): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += part[i]!;
}
