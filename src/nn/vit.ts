/** @file The one Vision Transformer under every checkpoint family, as a function of graph values. */
import type { Value } from "../graph/value.ts";
import { runBlock } from "./blocks.ts";
import { embed } from "./embedding.ts";
import { pool } from "./pooling.ts";
import { type Tokens, tokensFrom } from "./tokens.ts";
import type { VitConfig } from "./vit-config.ts";
import type { VitHooks } from "./vit-hooks.ts";
import type { Weights } from "./weights.ts";

export { patchCount, tokensBeforePatches, type VitConfig } from "./vit-config.ts";
export type { VitHooks } from "./vit-hooks.ts";

/** Which blocks to go through: from <= block < to. All of them if absent. */
export interface BlockRange {
  readonly from?: number;
  readonly to?: number;
}

/**
 * Final CLS features of a batch of images. The last block computes its query, projection and MLP for
 * the CLS token alone: nothing else of it is ever read. Where there is no CLS token, the pooled features.
 * `to` leaves after an earlier block, with the final norm all the same.
 * @param images uint8 [B, size, size, 3]
 * @returns float32 [B, hiddenSize], after the final layer norm; as wide as a method's `pool`
 */
export function vitFeatures(
  config: VitConfig,
  weights: Weights,
  images: Value,
  hooks: VitHooks = {},
  { to }: Pick<BlockRange, "to"> = {},
): Value {
  const tokens = tokensFrom(config, embed(config, weights, images, hooks.kept));
  return featuresFrom(config, weights, tokens, hooks, to === undefined ? {} : { to });
}

/** Features of tokens that are before block `from`, as `vitFeatures` gives them. [B, hiddenSize], or as `pool` */
export function featuresFrom(
  config: VitConfig,
  weights: Weights,
  tokens: Tokens,
  hooks: VitHooks = {},
  range: BlockRange = {},
): Value {
  const { from, to } = checked(config, range);
  const clsOnly = config.pooling !== "attention" && hooks.pool === undefined && from < to;
  const whole = runBlocks(config, weights, tokens, hooks, { from, to: clsOnly ? to - 1 : to });
  const last = clsOnly ? runBlock(config, weights, hooks, to - 1, whole, true) : whole;
  return pool(config, weights, last, hooks);
}

/** All tokens after block `to` - 1, of tokens that are before block `from`. */
export function runBlocks(
  config: VitConfig,
  weights: Weights,
  tokens: Tokens,
  hooks: VitHooks = {},
  range: BlockRange = {},
): Tokens {
  const { from, to } = checked(config, range);
  let current = tokens;
  for (let block = from; block < to; block++) current = runBlock(config, weights, hooks, block, current);
  return current;
}

function checked({ layers }: VitConfig, { from = 0, to = layers }: BlockRange): Required<BlockRange> {
  if (from < 0 || from > to || to > layers)
    throw new Error(
      `vit: there are no blocks ${from} to ${to} in ${layers}; choose 0 <= from <= to <= ${layers}`,
    );
  return { from, to };
}
