/** @file Where low-rank updates start. */
import type { Backbone } from "../../nn/checkpoint.ts";
import { Rng } from "../../tensor/rng.ts";
import { type Tensor, zeroTensor } from "../../tensor/tensor.ts";
import { uniformTensor } from "./draws.ts";

/** A and B of every site, before any training: A as Kaiming-uniform with a = √5 gives it, and the update B A is zero. */
export function initialBases(
  backbone: Backbone,
  sites: readonly string[],
  rank: number,
  seed: number | string,
): Record<string, Tensor> {
  const pairs = sites.map((site) => {
    const [out, width] = backbone.weights[`${site}.weight`]!.dims as [number, number];
    return {
      [`${site}.a`]: uniformTensor([rank, width], 1 / Math.sqrt(width), Rng.at(seed, "bases", site)),
      [`${site}.b`]: zeroTensor([out, rank]),
    };
  });
  return Object.assign({}, ...pairs);
}
