/** @file Where low-rank updates start. */
import type { Backbone } from "../../nn/checkpoint.ts";
import { Rng } from "../../tensor/rng.ts";
import { type Tensor, tensor, zeroTensor } from "../../tensor/tensor.ts";

/** Uniform in ±1/√columns, as Kaiming-uniform with a = √5 gives for a linear layer. */
function uniformTensor(dims: readonly [number, number], rng: Rng): Tensor<"float32"> {
  const bound = 1 / Math.sqrt(dims[1]);
  const draw = (): number => bound * (2 * rng.uniform() - 1);
  return tensor("float32", dims, Float32Array.from({ length: dims[0] * dims[1] }, draw));
}

/** A and B of every site, before any training: the update B A is zero. */
export function initialBases(
  backbone: Backbone,
  sites: readonly string[],
  rank: number,
  seed: number | string,
): Record<string, Tensor> {
  const pairs = sites.map((site) => {
    const [out, width] = backbone.weights[`${site}.weight`]!.dims as [number, number];
    return {
      [`${site}.a`]: uniformTensor([rank, width], Rng.at(seed, "bases", site)),
      [`${site}.b`]: zeroTensor([out, rank]),
    };
  });
  return Object.assign({}, ...pairs);
}
