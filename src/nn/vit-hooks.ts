/** @file Where a method may change or watch a ViT's computation. */
import type { Value } from "../graph/value.ts";
import type { Tokens } from "./tokens.ts";

/** The halves of a block. */
export type Half = "attention" | "mlp";

/** Rows that join the projected keys and values of an attention; they are split over its heads like these. */
export interface Prefix {
  readonly key: Value; // [P, d] or [B, P, d]
  readonly value: Value; // [P, d] or [B, P, d]
}

/** What a method may do in the computation; all of it optional, and all of it together. B images, d the hidden size. */
export interface VitHooks {
  /**
   * Called for every linear layer of every block with its site ("blocks.3.query"), input and output;
   * returns the output to use. x: [n, in], y: [n, out].
   */
  readonly linear?: (site: string, x: Value, y: Value) => Value;
  /**
   * Prompt tokens that join (or replace the prompts so far) before this block; undefined leaves the tokens.
   * [P, d], the same for all images, or [B, P, d]
   */
  readonly prompts?: (block: number) => Value | undefined;
  /** Keys and values that this block's tokens attend to besides their own; undefined for none. */
  readonly prefix?: (block: number) => Prefix | undefined;
  /**
   * A branch beside a half of a block: what it returns is added to the half's result. `tokens` is the half's input
   * before its norm, [B, T, d], and so is the result; T is 1 where only CLS is computed, in the last block.
   */
  readonly beside?: (half: Half, block: number, tokens: Value) => Value | undefined;
  /** Sees the tokens after each block. After the last one there is CLS alone, unless `pool` is there or there is no CLS. */
  readonly observe?: (block: number, tokens: Tokens) => void;
  /**
   * Features of all tokens after the final norm, instead of CLS; the last block then computes all of them. `norm` is the
   * final norm, for what was observed before. [B, any]
   */
  readonly pool?: (tokens: Tokens, norm: (x: Value) => Value) => Value;
  /** Patches to look at, all without it: rows of zeros with a single 1, [B, kept, patches]. */
  readonly kept?: Value;
}
