/** @file SSIAT: one set of adapters for all tasks that goes on training, and means that move by the shifts of new images near them. */
import * as z from "zod";
import { adapters, initialAdapters } from "../network/adapters.ts";
import { defineMethod, type MethodContext } from "./method.ts";
import { adapterTraits } from "./parts/adapter-learner.ts";
import { ValuesLearner } from "./parts/values-learner.ts";
import { around, logarithmic } from "./ranges.ts";

const options = z.object({
  size: z.number().int().positive().default(64).describe("width of the adapters' bottleneck"),
  factor: z.number().positive().default(0.1).describe("what the adapters' output is multiplied by"),
  scale: z.number().positive().default(20).describe("scale of the classifier's cosines"),
  margin: z.number().min(0).default(0).describe("margin of the classifier's cosines"),
  adapterRate: z.number().positive().default(1e-3).describe("learning rate of the adapters"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** Semantically shifted incremental adapter-tuning. Its second half, rows refitted on draws, is the head it takes. */
export const ssiat = defineMethod({
  name: "ssiat",
  summary: "one set of adapters trained on every task in turn, by cosines; means move by shifts near them",
  source: "Tan et al., SSIAT, CVPR 2024, arXiv 2403.19979",
  options,
  ranges: { adapterRate: around(1e-3), headRate: logarithmic(1e-3, 1e-1) },
  traits: adapterTraits,
  defaults: { heads: ["aligned", "rows", "lda"], drift: "kernel" },
  create: (context, values) => new Ssiat(context, values),
});

class Ssiat extends ValuesLearner {
  constructor(context: MethodContext, options: Options) {
    const { config } = context.backbone;
    const { adapterRate, headRate, scale, margin } = options;
    super(
      context,
      [adapters(config, options)],
      initialAdapters(config, options, [context.seed, "adapters"]),
      { rate: adapterRate, option: "adapterRate", headRate, cosines: { value: scale, margin } },
    );
    this.network.merge(this.values);
  }

  get notes(): string[] {
    return ["its adapters can't be merged: every forward pass has them"];
  }
}
