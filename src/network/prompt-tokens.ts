/** @file Prompt tokens shared by all images: they join before the first block and stay. */
import type { Adaptation } from "./adaptation.ts";

/** Tokens `prompts` [count, width]. They can't be merged: every forward pass has them. */
export function promptTokens({
  count,
  width,
}: {
  readonly count: number;
  readonly width: number;
}): Adaptation {
  return {
    name: `${count} prompt tokens`,
    hooks: (values) => ({
      prompts: (block) => (block === 0 ? values("prompts", [count, width]) : undefined),
    }),
  };
}
