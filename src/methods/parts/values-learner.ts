/** @file What methods share whose trained arrays are the same ones in every task, all at one learning rate. */
import type { Adaptation } from "../../network/adaptation.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { MethodContext, TaskData } from "../method.ts";
import { AdapterLearner, type OpenTask } from "./adapter-learner.ts";
import type { Recipe } from "./recipe.ts";
import { atRate, TaskTraining } from "./task-training.ts";

/** How fast the arrays and the classifier rows move. */
export interface ValueRates {
  readonly rate: number;
  /** The method's option that `rate` is, for advice where training diverges. */
  readonly option: string;
  readonly headRate: number;
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
    super(context, adaptations, recipe);
    this.values = values;
    this.#rates = rates;
  }

  protected async open(task: TaskData): Promise<OpenTask> {
    const { rate, option, headRate } = this.#rates;
    const before = await this.recipeFeatures(task);
    const training = new TaskTraining({
      network: this.network,
      classes: task.classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: {},
      direct: atRate(rate, this.values),
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
