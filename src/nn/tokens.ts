/** @file The tokens of a batch on their way through the blocks, and which of them are what. */
import { describe, type Value } from "../graph/value.ts";
import { reduceMean, reshape, slice } from "../ops/index.ts";
import { tokensBeforePatches, type VitConfig } from "./vit-config.ts";

/** The tokens of each image, in this order: those before the patches (CLS first, if there is one), patches, prompts. */
export interface Tokens {
  readonly values: Value; // [B, before + patches + prompts, d]
  readonly before: number;
  readonly patches: number;
  readonly prompts: number;
}

/** The kinds of tokens. */
export type TokenKind = "before" | "patches" | "prompts";

/**
 * Tokens of a network, wherever they come from: `embed`, or a graph's input of what another graph left after a block.
 * @param values [B, T, d], the last `prompts` of T being prompts
 */
export function tokensFrom(config: VitConfig, values: Value, prompts = 0): Tokens {
  const before = tokensBeforePatches(config);
  const patches = values.dims.length === 3 ? values.dims[1]! - before - prompts : -1;
  if (patches < 0 || values.dims[2] !== config.hiddenSize) {
    const wanted = `[images, ${before} + patches + ${prompts}, ${config.hiddenSize}]`;
    throw new Error(`tokens: ${describe(values)} are no tokens of this network; pass ${wanted}`);
  }
  return { values, before, patches, prompts };
}

/** The tokens of that kind. [B, n, d] @throws if there are none */
export function tokensOf({ values, before, patches, prompts }: Tokens, kind: TokenKind): Value {
  const starts = { before: 0, patches: before, prompts: before + patches };
  const counts = { before, patches, prompts };
  if (counts[kind] === 0) {
    const there = `${before} before the patches, ${patches} patches and ${prompts} prompts`;
    throw new Error(`tokens: there are no ${kind} among ${there}; pool what is there`);
  }
  return slice(values, 1, starts[kind], starts[kind] + counts[kind]);
}

/** The mean of the tokens of that kind. [B, d] @throws if there are none */
export const meanOf = (tokens: Tokens, kind: TokenKind): Value =>
  reduceMean(tokensOf(tokens, kind), { axes: [1] });

/** The CLS token. [B, d] @throws if there is none */
export function clsOf(tokens: Tokens): Value {
  const { values, before } = tokens;
  const [batch, count, width] = values.dims as [number, number, number];
  if (before === 0) throw new Error("tokens: there is no CLS token in this network; pool its patches");
  return reshape(count === 1 ? values : slice(values, 1, 0, 1), [batch, width]);
}
