/** @file What methods share whose trained arrays are the same ones in every task, all at one learning rate. */
import type { Adaptation } from "../../network/adaptation.ts";
import type { LocalClasses, Objective } from "../../network/objective.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { Rng } from "../../tensor/rng.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { MethodContext, TaskData } from "../method.ts";
import { AdapterLearner, type OpenTask } from "./adapter-learner.ts";
import type { Recipe } from "./recipe.ts";
import { atRate, type FixedScale, TaskTraining } from "./task-training.ts";

/** How fast the arrays and the classifier rows move. */
export interface ValueRates {
  readonly rate: number;
  /** The method's option that `rate` is, for advice where training diverges. */
  readonly option: string;
  readonly headRate: number;
  /** Of a classifier by cosines in place of a linear one. */
  readonly cosines?: FixedScale;
}

/** A learner that trains its arrays on every task in turn, and keeps what the last one left. */
export abstract class ValuesLearner extends AdapterLearner {
  readonly #rates: ValueRates;
  protected values: Record<string, Tensor>;

  constructor(
    context: MethodContext,
    adaptations: readonly Adaptation[],
    values: Record<string, Tensor>,
    rates: ValueRates,
    recipe?: Recipe,
  ) {
    super(context, adaptations, recipe, rates.cosines?.value);
    this.values = values;
    this.#rates = rates;
  }

  /** What is minimized, if not cross-entropy over the task's classes alone; it gets that. */
  protected objective(_: LocalClasses, crossEntropy: Objective): Objective {
    return crossEntropy;
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { rate, option, headRate, cosines } = this.#rates;
    const before = await this.recipeFeatures(task);
    const training = new TaskTraining({
      network: this.network,
      classes: task.classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: atRate(rate, this.values),
      ...(cosines && { cosine: { rng: Rng.at(this.context.seed, "rows", task.index), scale: cosines } }),
      objective: (local, crossEntropy) => this.objective(local, crossEntropy),
      rates: [option, "headRate"],
      ...this.recipeTraining(task, before),
    });
    const fold = (): void => {
      for (const name of Object.keys(this.values)) this.values[name] = training.value(name);
    };
    return { before, training, fold };
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.values };
  }

  protected loadOwn(state: Tensors): void {
    for (const name of Object.keys(this.values)) this.values[name] = state[name]!;
  }
}
