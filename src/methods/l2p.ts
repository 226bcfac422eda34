/** @file L2P: the network stays; a pool of prompts and their keys is trained, and each image's query chooses some of them. */
import * as z from "zod";
import { FrozenQuery } from "../network/frozen-query.ts";
import { promptPool } from "../network/prompt-pool.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import { defineMethod, type MethodContext, type Traits } from "./method.ts";
import { adapterTraits } from "./parts/adapter-learner.ts";
import { uniformTensor } from "./parts/draws.ts";
import { ValuesLearner } from "./parts/values-learner.ts";
import { around } from "./ranges.ts";

const count = z.number().int().positive();
const options = z.object({
  poolSize: count.default(10).describe("prompts in the pool"),
  promptLength: count.default(5).describe("tokens of each prompt"),
  chosen: count.default(5).describe("prompts that each image gets"),
  pull: z.number().min(0).default(0.1).describe("weight of the term that pulls chosen keys to their queries"),
  votedPrompts: z
    .boolean()
    .default(false)
    .describe(
      "as the published code does: all images of a run get the prompts most of them would choose, so answers depend on the batch",
    ),
  promptRate: z.number().positive().default(2e-3).describe("learning rate of prompts and keys"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const traits: Traits = { ...adapterTraits, ownFeatures: true, forwardPasses: 2 };

/** Learning to prompt. */
export const l2p = defineMethod({
  name: "l2p",
  summary: "a pool of prompts, chosen for each image by keys near its frozen features",
  source: "Wang et al., L2P, CVPR 2022, arXiv 2112.08654",
  options,
  ranges: { promptRate: around(2e-3), headRate: around(5e-3) },
  traits,
  defaults: { heads: ["rows", "lda"], drift: "ridge" },
  create: (context, values) => new L2p(context, values),
});

class L2p extends ValuesLearner {
  readonly #query: FrozenQuery;

  constructor(context: MethodContext, options: Options) {
    const { poolSize, promptLength, chosen, votedPrompts: voted } = options;
    if (chosen > poolSize) {
      throw new InputError(
        `${optionText("chosen", chosen)}: there are ${poolSize} prompts to choose from; choose ${poolSize} or less, or a larger ${optionText("poolSize")}`,
      );
    }
    const query = new FrozenQuery(context);
    const { hiddenSize } = context.backbone.config;
    const values = {
      "pool.prompts": uniformTensor([poolSize, promptLength, hiddenSize], 1, Rng.at(context.seed, "prompts")),
      "pool.keys": uniformTensor([poolSize, hiddenSize], 1, Rng.at(context.seed, "keys")),
    };
    const rates = { rate: options.promptRate, option: "promptRate", headRate: options.headRate };
    super(context, [promptPool(context, query, { ...options, voted })], values, rates);
    this.#query = query;
    this.network.merge(this.values);
  }

  /** What every image costs. */
  get notes(): string[] {
    return ["the untouched network chooses the prompts: every image takes two forward passes"];
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#query.dispose();
  }
}
