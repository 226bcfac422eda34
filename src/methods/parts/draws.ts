/** @file Where trained values start. */
import type { Rng } from "../../tensor/rng.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Uniform in ±bound. */
export function uniformTensor(dims: readonly number[], bound: number, rng: Rng): Tensor<"float32"> {
  const draw = (): number => bound * (2 * rng.uniform() - 1);
  return tensor("float32", dims, Float32Array.from({ length: sizeOf(dims) }, draw));
}
