/** @file Prompt tokens shared by all images: before the first block, where they stay, or anew before several. */
import { slice } from "../ops/index.ts";
import type { Adaptation } from "./adaptation.ts";

/** How many, and where. */
export interface PromptTokensOptions {
  /** Tokens before a block. */
  readonly count: number;
  readonly width: number;
  /** Blocks, from the first on, with tokens of their own, which replace those before; default: 1. */
  readonly blocks?: number;
}

/** Tokens `prompts` [blocks count, width], block by block. They can't be merged: every forward pass has them. */
export function promptTokens({ count, width, blocks = 1 }: PromptTokensOptions): Adaptation {
  return {
    name: `${count} prompt tokens${blocks === 1 ? "" : ` in each of ${blocks} blocks`}`,
    hooks: (values) => ({
      prompts(block) {
        if (block >= blocks) return undefined;
        const all = values("prompts", [blocks * count, width]);
        return blocks === 1 ? all : slice(all, 0, block * count, (block + 1) * count); // [count, width]
      },
    }),
  };
}
