/** @file Prefixes of attention that are sums of all slots, each weighted by how near the image's query is to its key. */
import { scalar, type Value } from "../graph/value.ts";
import { l2Normalize } from "../nn/cosine.ts";
import { add, concat, div, matmul, mul, reshape, slice, sqrt } from "../ops/index.ts";
import type { Adaptation } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import type { FrozenQuery } from "./frozen-query.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Blocks and sizes. */
export interface WeightedPrefixOptions {
  /** Blocks with prefixes, from the first on. */
  readonly blocks: number;
  /** Slots of a task, in each block. */
  readonly slots: number;
  /** Keys (and as many values) of a prefix. */
  readonly length: number;
  /** How many past tasks there are now. */
  readonly past: () => number;
}

/** What a slot consists of. */
export const SLOT_PARTS = ["keys", "attention", "prompts"] as const;

/** Name of a block's values. */
export const slotName = (block: number, part: (typeof SLOT_PARTS)[number]): string =>
  `blocks.${block}.${part}`;

/**
 * Values `blocks.i.keys` K and `.attention` A [slots, d], `.prompts` P [slots, 2 · length · d] of the task at hand; from the second
 * on the same of all before as `past.blocks.i.keys` [tasks, slots · d] and so on. A prefix is Σ_k cos(q ∘ A_k, K_k) P_k: keys first.
 */
export function weightedPrefixes(
  { backbone }: Pick<NetworkContext, "backbone">,
  query: FrozenQuery,
  { blocks, slots, length, past }: WeightedPrefixOptions,
): Adaptation {
  const { hiddenSize: width } = backbone.config;
  const sizes = { keys: width, attention: width, prompts: 2 * length * width };
  const all = (values: ParameterInputs, block: number, part: keyof typeof sizes): Value => {
    const name = slotName(block, part);
    const own = values(name, [slots, sizes[part]]);
    if (past() === 0) return own;
    const before = values(`past.${name}`, [past(), slots * sizes[part]]);
    return concat([reshape(before, [past() * slots, sizes[part]]), own], 0);
  };
  return {
    get name() {
      return `${slots} weighted prefixes of ${length} in ${blocks} blocks after ${past()} tasks`;
    },
    feeds: query.feeds,
    hooks: (values) => ({
      prefix(block) {
        if (block >= blocks) return undefined;
        const weights = attendedCosines(
          query.value(values),
          all(values, block, "attention"),
          all(values, block, "keys"),
        );
        const rows = matmul(weights, all(values, block, "prompts")); // [B, 2 · length · d]
        const both = reshape(rows, [values.images, 2 * length, width]);
        return { key: slice(both, 1, 0, length), value: slice(both, 1, length, 2 * length) };
      },
    }),
  };
}

/** The length that a query of zeros counts as. */
const SHORTEST = 1e-24;

/** cos(q ∘ A_k, K_k) = q · (A_k ∘ K_k / ‖K_k‖) / √(q² · A_k²). query: [B, d]; attention, keys: [n, d]; result: [B, n] */
function attendedCosines(query: Value, attention: Value, keys: Value): Value {
  const dots = matmul(query, mul(attention, l2Normalize(keys)), { transposeB: true });
  const squares = matmul(mul(query, query), mul(attention, attention), { transposeB: true });
  return div(dots, sqrt(add(squares, scalar(SHORTEST, "float32"))));
}
