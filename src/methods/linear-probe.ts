/** @file A linear classifier on the untouched backbone, trained task by task: what training without adapting gives. */
import * as z from "zod";
import type { Tensor } from "../tensor/tensor.ts";
import { defineMethod, type MethodContext, type TaskData } from "./method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./parts/adapter-learner.ts";
import { TaskTraining } from "./parts/task-training.ts";
import { around } from "./ranges.ts";

const options = z.object({
  headRate: z.number().positive().default(5e-3).describe("learning rate of the classifier rows"),
});
type Options = z.infer<typeof options>;

/** z = W f + b on frozen features f; the rows of a task's classes are trained by cross-entropy over these alone. */
export const linearProbe = defineMethod({
  name: "linear-probe",
  summary: "a linear classifier trained on frozen features, task by task",
  source: "usual practice; local cross-entropy as in SLCA, ICCV 2023, arXiv 2303.05118",
  options,
  ranges: { headRate: around(5e-3) },
  traits: { ...adapterTraits, trained: "nothing" },
  defaults: { heads: ["rows", "lda"], drift: "none" },
  create: (context, values) => new LinearProbe(context, values),
});

class LinearProbe extends AdapterLearner {
  readonly #options: Options;
  protected readonly values = {};

  constructor(context: MethodContext, options: Options) {
    super(context, []);
    this.#options = options;
  }

  protected async open({ classes }: TaskData): Promise<OpenTask> {
    const training = new TaskTraining({
      network: this.network,
      classes,
      rows: this.rows,
      headRate: this.#options.headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: {},
      rates: ["headRate"],
    });
    return { training, fold: () => {} };
  }

  protected ownState(): Record<string, Tensor> {
    return {};
  }

  protected loadOwn(): void {}
}
