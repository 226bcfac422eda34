/** @file Sequential LoRA: the lower bound, and with all tasks at once the upper bound. */
import * as z from "zod";
import { lowRank } from "../network/low-rank.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { initialBases } from "./parts/low-rank-bases.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";

const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of each update"),
  ...siteOptions,
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

const defaults = { heads: ["rows", "lda"], drift: "ridge" };

/** One LoRA pair per site, trained on every task in turn without protection: forgets. */
export const seqLora = defineMethod({
  name: "seq-lora",
  summary: "one LoRA pair trained on every task in turn, no protection (lower bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685; sequential use as in baseline studies",
  options,
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
  traits: { ...adapterTraits, protocol: "joint" },
  defaults,
  create: (context, values) => new SequentialLora(context, values),
});

class SequentialLora extends AdapterLearner {
  readonly #options: Options;
  /** A and B by name. */
  protected values: Record<string, Tensor>;

  constructor(context: MethodContext, options: Options) {
    const { rank } = options;
    const sites = adaptedSites(context.backbone.config, options.sites);
    super(context, [lowRank(context.backbone, { sites, rank })]);
    this.#options = options;
    this.values = initialBases(context.backbone, sites, rank, context.seed);
  }

  protected get untrained(): boolean {
    return this.rows.empty;
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { basesRate, headRate } = this.#options;
    const training = new TaskTraining({
      network: this.network,
      classes: task.classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: atRate(basesRate, this.values),
      rates: ["basesRate", "headRate"],
    });
    const fold = (): void => {
      for (const name of Object.keys(this.values)) this.values[name] = training.value(name);
    };
    return { training, fold };
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.values };
  }

  protected loadOwn(state: Tensors): void {
    for (const name of Object.keys(this.values)) this.values[name] = state[name]!;
  }
}
