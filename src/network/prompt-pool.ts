/** @file A pool of prompts, of which every image gets those whose keys are nearest to its query. */
import { constant, scalar, type Value } from "../graph/value.ts";
import { cosines } from "../nn/cosine.ts";
import { meanOf } from "../nn/tokens.ts";
import { tokensBeforePatches } from "../nn/vit.ts";
import { add, gather, mul, oneHot, reduceSum, reshape, scale, sub, topK } from "../ops/index.ts";
import { tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import type { FrozenQuery } from "./frozen-query.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Sizes of a pool, and how it is used. */
export interface PromptPoolOptions {
  readonly poolSize: number;
  /** Tokens of each prompt. */
  readonly promptLength: number;
  /** Prompts of each image. */
  readonly chosen: number;
  /** Weight of the term that pulls chosen keys to their queries. */
  readonly pull: number;
  /** All images of a run get the prompts that most of them would have chosen. */
  readonly voted: boolean;
}

/**
 * Values `pool.prompts` [pool, length, d] and `pool.keys` [pool, d]. The chosen prompts join before the first block with
 * the position of CLS; features are the mean of what becomes of them. The loss has
 * pull · mean Σ (1 − cos(query, chosen key)).
 */
export function promptPool(
  context: NetworkContext,
  query: FrozenQuery,
  options: PromptPoolOptions,
): Adaptation {
  const { poolSize, promptLength, chosen, pull, voted } = options;
  const { config, weights } = context.backbone;
  const { hiddenSize: width } = config;
  const position = constant(tensor("float32", [1, width], weights.position!.data.slice(0, width)));
  const match = new WeakMap<ParameterInputs, Value>();
  return {
    name: `${chosen} of ${poolSize} prompts of ${promptLength} tokens${voted ? ", voted" : ""}`,
    width,
    feeds: query.feeds,
    hooks: (values) => ({
      prompts(block) {
        if (block > 0) return undefined;
        const all = cosines(query.value(values), values("pool.keys", [poolSize, width])); // [B, pool]
        const own = topK(all, chosen);
        const places = voted ? mostVoted(own.indices, poolSize, chosen) : own.indices; // [B, chosen], or [chosen]
        const similar = voted ? gather(all, places, 1) : own.values; // [B, chosen]
        match.set(values, reduceSum(similar, { axes: [1] }));
        const rows = gather(values("pool.prompts", [poolSize, promptLength, width]), places);
        const prompts = reshape(rows, [...places.dims.slice(0, -1), chosen * promptLength, width]);
        return tokensBeforePatches(config) === 0 ? prompts : add(prompts, position);
      },
      pool: (tokens) => meanOf(tokens, "prompts"),
    }),
    loss(values, imageShare) {
      const far = sub(scalar(chosen, "float32"), match.get(values)!); // Σ (1 − cos): never below zero
      return scale(reduceSum(mul(far, imageShare)), pull);
    },
  };
}

/** The places that come most often among all images' choices. [B, chosen] -> [chosen] */
function mostVoted(indices: Value, poolSize: number, chosen: number): Value {
  return topK(reduceSum(oneHot(indices, poolSize), { axes: [0, 1] }), chosen).indices;
}
