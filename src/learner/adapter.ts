/** @file The adapter that a learner started from, in its model: the file then needs the bare backbone alone. */

import { withAdapter } from "../nn/adapter.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import type { LowRankUpdate } from "../nn/low-rank-update.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { prefixed, withPrefix } from "../tensor/prefix.ts";
import type { Tensor } from "../tensor/tensor.ts";

const PREFIX = "adapter.";

/** The adapter's factors, as a model's file has them: "adapter.blocks.0.query.a". None where there is no adapter. */
export function adapterTensors({ adapter = {} }: Pick<Backbone, "adapter">): Record<string, Tensor> {
  const factors = Object.entries(adapter).map(([layer, { a, b }]) => ({
    [`${layer}.a`]: a,
    [`${layer}.b`]: b,
  }));
  return prefixed(PREFIX, Object.assign({}, ...factors));
}

/**
 * The backbone as a model's file wants it: with the adapter in its weights that the model started from.
 * @throws InputError if the factors are damaged, or another backbone's
 */
export function withOwnAdapter(backbone: Backbone, tensors: Tensors, file: string): Backbone {
  const own = withPrefix(PREFIX, tensors);
  const layers = Object.keys(own).flatMap((name) => /^(.+)\.a$/.exec(name)?.[1] ?? []);
  if (layers.length === 0) return backbone;
  const factor = (layer: string, name: "a" | "b"): Tensor<"float32"> => {
    const found = own[`${layer}.${name}`];
    if (found?.dtype === "float32" && found.dims.length === 2) return found as Tensor<"float32">;
    throw new InputError(
      `${file}: tensor ${PREFIX}${layer}.${name} is no matrix in float32; the file is damaged: take it from its copy again`,
    );
  };
  const adapter = layers.map((layer): [string, LowRankUpdate] => [
    layer,
    { a: factor(layer, "a"), b: factor(layer, "b") },
  ]);
  return withAdapter(backbone, Object.fromEntries(adapter), file);
}
