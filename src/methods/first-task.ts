/** @file LoRA in the first task, then nothing: how much of a gain comes from the start. */
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

/** Its heads alone learn after the first task that trains. */
export const firstTask = defineMethod({
  name: "first-task",
  summary: "one LoRA pair trained on the first task alone (control)",
  source: "ours",
  options,
  traits: { ...adapterTraits, trains: "first task" },
  defaults: { heads: ["lda", "ncm"], drift: "ridge" },
  create: (context, values) => new FirstTask(context, values),
});

class FirstTask extends AdapterLearner {
  readonly #options: z.infer<typeof options>;
  protected values: Record<string, Tensor>;

  constructor(context: MethodContext, values: z.infer<typeof options>) {
    const sites = adaptedSites(context.backbone.config, values.sites);
    super(context, [lowRank(context.backbone, { sites, rank: values.rank })]);
    this.#options = values;
    this.values = initialBases(context.backbone, sites, values.rank, context.seed);
  }

  protected get untrained(): boolean {
    return this.rows.empty;
  }

  override plan(classes: readonly number[]): "none" | "first" {
    return super.plan(classes) === "first" ? "first" : "none";
  }

  protected async open({ classes }: TaskData): Promise<OpenTask> {
    const { basesRate, headRate } = this.#options;
    const training = new TaskTraining({
      network: this.network,
      classes,
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
