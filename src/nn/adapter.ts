/** @file A backbone with low-rank changes in its weights. */
import { InputError } from "../tensor/errors.ts";
import { product } from "../tensor/linear-algebra.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Backbone } from "./checkpoint.ts";
import { changedWeight, type LowRankUpdates, stackedUpdates } from "./low-rank-update.ts";

/**
 * The backbone with the changes in its weights, which is what whatever learns starts from.
 * @param where the changes come from, for messages
 * @throws InputError that names the layer which isn't there, or is of another shape
 */
export function withAdapter(backbone: Backbone, adapter: LowRankUpdates, where: string): Backbone {
  const weights: Record<string, Tensor<"float32">> = { ...backbone.weights };
  for (const [layer, { a, b }] of Object.entries(adapter)) {
    const name = `${layer}.weight`;
    const weight = weights[name];
    const [rank, width] = a.dims as [number, number];
    if (weight === undefined) {
      throw new InputError(
        `${where}: ${backbone.name} has no layer ${layer}; the adapter is for another model`,
      );
    }
    if (b.dims[1] !== rank || b.dims[0] !== weight.dims[0] || width !== weight.dims[1]) {
      throw new InputError(
        `${where}: [${a.dims}] and [${b.dims}] are no change of layer ${layer} [${weight.dims}]; the adapter is for another model`,
      );
    }
    weights[name] = changedWeight(weight, product(b.data, rank, a.data, width));
  }
  return { ...backbone, weights, adapter: stackedUpdates(backbone.adapter ?? {}, adapter) };
}
