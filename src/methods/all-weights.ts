/** @file Methods that train all weights of the network: SLCA, and fine-tuning without any protection. */
import * as z from "zod";
import { frozenValues, ownWeights } from "../network/own-weights.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData, type Traits } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { atRate, TaskTraining } from "./parts/task-training.ts";

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
 * cross-entropy. Its second half, rows refitted on draws N(μ_c, Σ_c) of all classes, is a head's work.
 */
export const slca = defineMethod({
  name: "slca",
  summary: "all weights trained on every task in turn, far more slowly than the classifier",
  source: "Zhang et al., SLCA, ICCV 2023, arXiv 2303.05118",
  options: options(1e-5),
  traits,
  defaults: { heads: ["rows", "lda"], drift: "none" },
  create: (context, values) => new AllWeights(context, values),
});

/** All weights trained on every task in turn at an ordinary rate: forgets the most. */
export const fineTuning = defineMethod({
  name: "fine-tuning",
  summary: "all weights trained on every task in turn, no protection (lower bound)",
  source: "usual practice; the sequential baseline of SLCA, ICCV 2023, arXiv 2303.05118",
  options: options(1e-4),
  traits,
  defaults: { heads: ["rows", "lda"], drift: "none" },
  create: (context, values) => new AllWeights(context, values),
});

class AllWeights extends AdapterLearner {
  readonly #options: Options;
  /** `own/NAME` of every weight: the backbone's own arrays until a task has trained, copies from then on. */
  protected values: Record<string, Tensor>;

  constructor(context: MethodContext, options: Options) {
    const names = Object.keys(context.backbone.weights);
    super(context, [ownWeights(context.backbone, names)]);
    this.#options = options;
    this.values = frozenValues(context.backbone, names);
  }

  protected get untrained(): boolean {
    return this.rows.empty;
  }

  protected async open({ classes }: TaskData): Promise<OpenTask> {
    const { backboneRate, headRate } = this.#options;
    const training = new TaskTraining({
      network: this.network,
      classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: atRate(backboneRate, this.values),
      rates: ["backboneRate", "headRate"],
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
