/** @file Methods that train all weights of the network: SLCA, and fine-tuning without any protection. */
import * as z from "zod";
import { frozenValues, ownWeights } from "../network/own-weights.ts";
import { defineMethod, type MethodContext, type Traits } from "./method.ts";
import { adapterTraits } from "./parts/adapter-learner.ts";
import { ValuesLearner } from "./parts/values-learner.ts";
import { around } from "./ranges.ts";

/** The state is the whole network, of one size for all tasks. Layers with a matrix of their own know no 8 bits. */
const traits: Traits = { ...adapterTraits, trained: "all weights", precisions: ["float32"] };

const options = (backboneRate: number) =>
  z.object({
    backboneRate: z
      .number()
      .positive()
      .default(backboneRate)
      .describe("learning rate of the network's weights"),
    headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  });
type Options = z.infer<ReturnType<typeof options>>;

/**
 * The slow learner with classifier alignment: all weights move on, but far more slowly than the classifier, by local
 * cross-entropy. Its second half, rows refitted on draws N(μ_c, Σ_c) of all classes, is the head it takes.
 */
export const slca = defineMethod({
  name: "slca",
  summary: "all weights trained on every task in turn, far more slowly than the classifier",
  source: "Zhang et al., SLCA, ICCV 2023, arXiv 2303.05118",
  options: options(1e-5),
  ranges: { backboneRate: around(1e-5), headRate: around(5e-3) },
  traits,
  defaults: { heads: ["aligned", "rows", "lda"], drift: "none" },
  create: (context, values) => new AllWeights(context, values),
});

/** All weights trained on every task in turn at an ordinary rate: forgets the most. */
export const fineTuning = defineMethod({
  name: "fine-tuning",
  summary: "all weights trained on every task in turn, no protection (lower bound)",
  source: "usual practice; the sequential baseline of SLCA, ICCV 2023, arXiv 2303.05118",
  options: options(1e-4),
  ranges: { backboneRate: around(1e-4), headRate: around(5e-3) },
  traits,
  defaults: { heads: ["rows", "lda"], drift: "none" },
  create: (context, values) => new AllWeights(context, values),
});

/** Values are `own/NAME` of every weight: the backbone's own arrays until a task has trained, copies from then on. */
class AllWeights extends ValuesLearner {
  constructor(context: MethodContext, { backboneRate, headRate }: Options) {
    const names = Object.keys(context.backbone.weights);
    const rates = { rate: backboneRate, option: "backboneRate", headRate };
    super(context, [ownWeights(context.backbone, names)], frozenValues(context.backbone, names), rates);
  }
}
