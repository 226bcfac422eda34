/** @file Adapters beside the MLPs: factor · Up(relu(Down x)) of every block's tokens is added to them. */
import { bottleneck } from "../nn/bottleneck.ts";
import type { VitConfig } from "../nn/vit.ts";
import { Rng } from "../tensor/rng.ts";
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";

/** Sizes of the adapters. */
export interface AdapterOptions {
  /** Width of the bottleneck. */
  readonly size: number;
  readonly factor: number;
}

const nameOf = (block: number): string => `blocks.${block}.adapter`;

/**
 * Values `${at}.down.weight` [r, d], `.down.bias` [r], `.up.weight` [d, r], `.up.bias` [d] of every block. They read the tokens
 * before the MLP's norm. They can't be merged: every forward pass has them.
 */
export function adapters({ hiddenSize: d }: VitConfig, { size, factor }: AdapterOptions): Adaptation {
  return {
    name: `adapters of ${size} times ${factor}`,
    hooks: (values) => ({
      beside(half, block, tokens) {
        if (half !== "mlp") return undefined;
        const at = nameOf(block);
        const down = {
          weight: values(`${at}.down.weight`, [size, d]),
          bias: values(`${at}.down.bias`, [size]),
        };
        const up = { weight: values(`${at}.up.weight`, [d, size]), bias: values(`${at}.up.bias`, [d]) };
        return bottleneck(tokens, { down, up }, factor);
      },
    }),
  };
}

/** Adapters that add nothing yet: Down is drawn as Kaiming-uniform with a = √5 gives it, Up is zero. */
export function initialAdapters(
  { layers, hiddenSize: d }: VitConfig,
  { size }: AdapterOptions,
  path: readonly (string | number)[],
): Record<string, Tensor> {
  const bound = 1 / Math.sqrt(d);
  const all = Array.from({ length: layers }, (_, block) => {
    const at = nameOf(block);
    const rng = Rng.at(...path, at);
    const draw = (): number => bound * (2 * rng.uniform() - 1);
    return {
      [`${at}.down.weight`]: tensor("float32", [size, d], Float32Array.from({ length: size * d }, draw)),
      [`${at}.down.bias`]: zeroTensor([size]),
      [`${at}.up.weight`]: zeroTensor([d, size]),
      [`${at}.up.bias`]: zeroTensor([d]),
    };
  });
  return Object.assign({}, ...all);
}
