/** @file Adapters: a small network of two layers beside a large one. */
import type { Value } from "../graph/value.ts";
import { relu, reshape, scale } from "../ops/index.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { linear } from "./linear.ts";

/** The two layers of an adapter. */
export interface Bottleneck {
  readonly down: { readonly weight: Value; readonly bias: Value }; // [r, d], [r]
  readonly up: { readonly weight: Value; readonly bias: Value }; // [d, r], [d]
}

/** factor Up(relu(Down x)) of every token, for `VitHooks.beside`. [B, T, d] -> [B, T, d] */
export function bottleneck(x: Value, { down, up }: Bottleneck, factor: number): Value {
  const rows = reshape(x, [sizeOf(x.dims.slice(0, -1)), x.dims.at(-1)!]);
  const hidden = relu(linear(rows, down.weight, down.bias));
  return reshape(scale(linear(hidden, up.weight, up.bias), factor), x.dims);
}
