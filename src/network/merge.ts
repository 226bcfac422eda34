/** @file Folds low-rank updates into the weights: after that, serving costs what the bare backbone costs. */
import type { Tensors } from "../runtime/runtime.ts";
import { product } from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";

/** W = W0 + B C A for every adapted site, by weight name. */
export function mergedWeights(
  frozen: Readonly<Record<string, Tensor<"float32">>>,
  { sites, rank, core }: Pick<Adaptation, "sites" | "rank" | "core">,
  parameters: Tensors,
): Record<string, Tensor<"float32">> {
  const merged: Record<string, Tensor<"float32">> = {};
  for (const site of sites) {
    const weight = frozen[`${site}.weight`]!;
    const [, width] = weight.dims as [number, number];
    const b = float32Data(parameters[`${site}.b`]!);
    const lift = core ? product(b, rank, float32Data(parameters[`${site}.core`]!), rank) : b;
    const update = product(lift, rank, float32Data(parameters[`${site}.a`]!), width);
    const sum = weight.data.map((value, i) => value + update[i]!);
    merged[`${site}.weight`] = tensor("float32", weight.dims, sum);
  }
  return merged;
}
