/** @file Sequential LoRA: the lower bound, and with all tasks at once the upper bound. */
import * as z from "zod";
import { lowRank } from "../network/low-rank.ts";
import { defineMethod, type MethodContext } from "./method.ts";
import { adapterTraits } from "./parts/adapter-learner.ts";
import { initialBases } from "./parts/low-rank-bases.ts";
import { recipeOptions } from "./parts/recipe.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { ValuesLearner } from "./parts/values-learner.ts";
import { around } from "./ranges.ts";

/** Options of one LoRA pair per site. */
export const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of each update"),
  ...siteOptions,
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  ...recipeOptions(),
});
type Options = z.infer<typeof options>;

/** What a search tries of them. */
export const ranges = { basesRate: around(5e-4), headRate: around(5e-3) };

const defaults = { heads: ["rows", "lda", "gaussian"], drift: "ridge" };

/** One LoRA pair per site, trained on every task in turn without protection: forgets. */
export const seqLora = defineMethod({
  name: "seq-lora",
  summary: "one LoRA pair trained on every task in turn, no protection (lower bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685; sequential use as in baseline studies",
  options,
  ranges,
  traits: adapterTraits,
  defaults,
  create: (context, values) => new SequentialLora(context, values),
});

/** The same adapter trained on all tasks' images at once. */
export const joint = defineMethod({
  name: "joint",
  summary: "one LoRA pair trained on all tasks at once (upper bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685",
  options,
  ranges,
  traits: { ...adapterTraits, protocol: "joint" },
  defaults,
  create: (context, values) => new SequentialLora(context, values),
});

/** LoRA pairs A and B by site's name. */
export class SequentialLora extends ValuesLearner {
  constructor(context: MethodContext, options: Options) {
    const { rank, sites: chosen, adaptLast, basesRate, headRate } = options;
    const sites = adaptedSites(context.backbone.config, chosen, adaptLast);
    const bases = initialBases(context.backbone, sites, rank, context.seed);
    const rates = { rate: basesRate, option: "basesRate", headRate };
    super(context, [lowRank(context.backbone, { sites, rank })], bases, rates, options);
  }
}
