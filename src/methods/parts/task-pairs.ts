/** @file Low-rank pairs of methods that add one a task and freeze it: the task's own, and the past ones stacked. */
import type { Adaptation } from "../../network/adaptation.ts";
import { stackedPair, type TaskLowRankOptions, taskLowRank } from "../../network/task-low-rank.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { type Tensor, zeroTensor } from "../../tensor/tensor.ts";

/** Names of values that belong to pairs, in the state. */
const PAIR = /\.(a|b|scales)$/;

/** Pairs of all tasks so far. What a task trains is apart until it is folded: a state must not change meanwhile. */
export class TaskPairs {
  readonly adaptation: Adaptation;
  readonly #options: Omit<TaskLowRankOptions, "past">;
  #kept: Tensors;
  #open: Tensors | undefined;

  constructor(backbone: Backbone, options: Omit<TaskLowRankOptions, "past">) {
    this.#options = options;
    const { sites, rank, inputOf = (site) => site, scalesOf } = options;
    this.adaptation = taskLowRank(backbone, { ...options, past: () => this.#past(this.#open ?? this.#kept) });
    const none = sites.map((site) => {
      const [out, width] = backbone.weights[`${site}.weight`]!.dims as [number, number];
      return {
        [`${inputOf(site)}.a`]: zeroTensor([rank, width]),
        [`${site}.b`]: zeroTensor([out, rank]),
        ...(scalesOf === undefined ? {} : { [`${scalesOf(site)}.scales`]: zeroTensor([1]) }),
      };
    });
    this.#kept = Object.assign({}, ...none);
  }

  /** All values, as they are between tasks. */
  get values(): Tensors {
    return this.#kept;
  }

  /**
   * Values for a task: its own new ones, above the last task's pair among the past ones.
   * @param trained whether there is a pair to go there: the first one is zero and is replaced
   * @param last the last task's pair, where it is to be kept in another form
   */
  open(fresh: Tensors, trained: boolean, last: Tensors = this.#kept): Tensors {
    const { sites, inputOf = (site) => site } = this.#options;
    const past = trained
      ? sites.map((site) => {
          const { a, b } = stackedPair({ ...this.#kept, ...last }, inputOf(site), site);
          return { [`${inputOf(site)}.past.a`]: a, [`${site}.past.b`]: b };
        })
      : [];
    this.#open = Object.assign({}, ...past, fresh);
    return this.#open!;
  }

  /** Keeps the values of the task that was opened, with what it has trained. */
  fold(trained: Tensors): void {
    this.#kept = { ...this.#open, ...trained };
    this.#open = undefined;
  }

  tensors(): Record<string, Tensor> {
    return { ...this.#kept };
  }

  load(state: Tensors): void {
    this.#open = undefined;
    this.#kept = Object.fromEntries(Object.entries(state).filter(([name]) => PAIR.test(name)));
  }

  #past(values: Tensors): number {
    const { sites, rank, inputOf = (site) => site } = this.#options;
    return (values[`${inputOf(sites[0]!)}.past.a`]?.dims[0] ?? 0) / rank;
  }
}
