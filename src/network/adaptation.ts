/** @file What is added to a frozen network. */

/** What is added to the frozen network. */
export interface Adaptation {
  /** Linear layers with a low-rank update, such as "blocks.0.query". */
  readonly sites: readonly string[];
  readonly rank: number;
  /** W0 + B C A instead of W0 + B A. */
  readonly core: boolean;
  /** Prompt tokens that join before the first block; 0 for none. */
  readonly promptTokens: number;
}
