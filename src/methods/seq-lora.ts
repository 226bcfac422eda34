/** @file Sequential LoRA: the lower bound, and with all tasks at once the upper bound. */
import { z } from "zod";
import type { LabeledFeatures } from "../data/dataset.ts";
import { statisticsOptions } from "../heads/readouts.ts";
import { featurePass } from "../network/feature-pass.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { initialBases } from "./fm-lora/shared-state.ts";
import { defineMethod, type MethodContext, type TaskData } from "./method.ts";
import { AdapterLearner, type OpenTask } from "./parts/adapter-learner.ts";
import { adaptedSites, siteOptions } from "./parts/sites.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";

const options = z.object({
  rank: z.number().int().positive().default(16).describe("rank of each update"),
  ...siteOptions,
  basesRate: z.number().positive().default(5e-4).describe("learning rate of A and B"),
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
  ...statisticsOptions,
});
type Options = z.infer<typeof options>;

/** One LoRA pair per site, trained on every task in turn without protection: forgets. */
export const seqLora = defineMethod({
  name: "seq-lora",
  summary: "one LoRA pair trained on every task in turn, no protection (lower bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685; sequential use as in baseline studies",
  protocol: "continual",
  options,
  create: (context, values) => new SequentialLora(context, values),
});

/** The same adapter trained on all tasks' images at once. */
export const joint = defineMethod({
  name: "joint",
  summary: "one LoRA pair trained on all tasks at once (upper bound)",
  source: "Hu et al., ICLR 2022, arXiv 2106.09685",
  protocol: "joint",
  options,
  create: (context, values) => new SequentialLora(context, values),
});

class SequentialLora extends AdapterLearner {
  readonly #options: Options;
  /** A and B by name. */
  protected parameters: Record<string, Tensor>;

  constructor(context: MethodContext, values: Options) {
    const sites = adaptedSites(context.backbone.config, values.sites);
    const adaptation = { sites, rank: values.rank, core: false, promptTokens: 0 };
    super(context, adaptation, ["head", "lda"], values);
    this.#options = values;
    this.parameters = initialBases(context.backbone, sites, values.rank, context.seed);
  }

  get untrained(): boolean {
    return this.head.empty;
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { basesRate, headRate } = this.#options;
    const before = this.statistics.empty ? undefined : await this.#features(task, "features before");
    const training = new TaskTraining(this.vit, {
      classes: task.classes,
      head: this.head,
      headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: atRate(basesRate, this.parameters),
    });
    const fold = (): void => {
      for (const name of Object.keys(this.parameters)) this.parameters[name] = training.value(name);
    };
    return { before, training, fold };
  }

  protected observe(task: TaskData): Promise<LabeledFeatures> {
    return this.#features(task, "class statistics");
  }

  #features(task: TaskData, phase: string): Promise<LabeledFeatures> {
    return featurePass(task.pass(phase), this.vit);
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.parameters };
  }

  protected loadOwn(state: Tensors): void {
    for (const name of Object.keys(this.parameters)) this.parameters[name] = state[name]!;
  }
}
