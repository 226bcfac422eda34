/** @file What prompt methods share whose tasks have slots of their own, found by the frozen network's features of an image. */
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import { FrozenQuery } from "../../network/frozen-query.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
import type { MethodContext, TaskData, Traits } from "../method.ts";
import { AdapterLearner, adapterTraits, type OpenTask } from "./adapter-learner.ts";
import { atRate, TaskTraining } from "./task-training.ts";

/** Traits of a method that extends `SlotLearner`. */
export const slotTraits: Traits = { ...adapterTraits, grows: ["classes", "tasks"], forwardPasses: 2 };

/** Slots, and how they are used. */
export interface Slots {
  /** Values `NAME` of the task at hand, and `past.NAME` [tasks, numbers of a task] of those before, for names in `own`. */
  adaptation(query: FrozenQuery, past: () => number): Adaptation;
  /** Names of the values that belong to a task; all others go on from task to task. */
  readonly own: readonly string[];
  /** Where a task starts. `kept`: values as they are, none before the first task. */
  start(kept: Tensors | undefined, task: number): Readonly<Record<string, Tensor>>;
  /** What is fed besides. */
  fixed?(past: number, use: "training" | "serving"): Tensors;
}

/** The options that all of them have. */
export interface SlotRates {
  readonly promptRate: number;
  readonly headRate: number;
}

/** A learner that trains a new slot in every task and keeps past ones as they are. */
export class SlotLearner extends AdapterLearner {
  readonly #rates: SlotRates;
  readonly #slots: Slots;
  readonly #query: FrozenQuery;
  /** As they are between tasks. */
  readonly #kept: { values: Tensors };
  /** Of the task in training: it has a slot more. */
  #training: AdaptedNetwork | undefined;

  constructor(context: MethodContext, rates: SlotRates, slots: Slots) {
    const query = new FrozenQuery(context);
    const kept = { values: slots.start(undefined, 0) as Tensors };
    super(context, [slots.adaptation(query, () => pastOf(kept.values, slots))]);
    this.#rates = rates;
    this.#slots = slots;
    this.#query = query;
    this.#kept = kept;
    this.network.merge(this.values);
  }

  get notes(): string[] {
    return ["the untouched network chooses the prompts: every image takes two forward passes"];
  }

  protected get values(): Tensors {
    const { values } = this.#kept;
    return { ...values, ...this.#slots.fixed?.(pastOf(values, this.#slots), "serving") };
  }

  protected async open({ classes, index }: TaskData): Promise<OpenTask> {
    const { promptRate, headRate } = this.#rates;
    const { values: before } = this.#kept;
    const first = this.untrained;
    const past = first
      ? {}
      : Object.fromEntries(this.#slots.own.map((name) => [`past.${name}`, stacked(before, name)]));
    const trained = first ? withoutPast(before) : this.#slots.start(before, index);
    const tasks = pastOf(past, this.#slots);
    const network = new AdaptedNetwork(this.context, [this.#slots.adaptation(this.#query, () => tasks)]);
    this.#training = network;
    const training = new TaskTraining({
      network,
      classes,
      rows: this.rows,
      headRate,
      optimization: this.context.optimization,
      fixed: { ...past, ...this.#slots.fixed?.(tasks, "training") },
      direct: atRate(promptRate, trained),
      rates: ["promptRate", "headRate"],
    });
    const fold = (): void => {
      const own = Object.keys(trained).map((name) => [name, training.value(name)]);
      this.#kept.values = { ...past, ...Object.fromEntries(own) };
    };
    return { training, fold };
  }

  /** Graphs of the old number of slots are of no use any more. */
  protected override async release(): Promise<void> {
    const training = this.#training;
    this.#training = undefined;
    if (training === undefined) return;
    await training.dispose();
    await this.network.dispose();
  }

  protected ownState(): Record<string, Tensor> {
    return { ...this.#kept.values };
  }

  protected loadOwn(state: Tensors): void {
    const names = Object.keys(withoutPast(this.#kept.values));
    const all = [...names, ...names.map((name) => `past.${name}`)];
    this.#kept.values = Object.fromEntries(all.flatMap((name) => (state[name] ? [[name, state[name]]] : [])));
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.#query.dispose();
  }
}

const pastOf = (values: Tensors, { own }: Slots): number => values[`past.${own[0]}`]?.dims[0] ?? 0;

const withoutPast = (values: Tensors): Tensors =>
  Object.fromEntries(Object.entries(values).filter(([name]) => !name.startsWith("past.")));

/** What past tasks have kept, and the last task's below. [tasks, numbers of a task] */
function stacked(values: Tensors, name: string): Tensor {
  const own = float32Data(values[name]!);
  const past = values[`past.${name}`];
  const data = new Float32Array((past?.data.length ?? 0) + own.length);
  if (past !== undefined) data.set(float32Data(past));
  data.set(own, data.length - own.length);
  return tensor("float32", [data.length / own.length, own.length], data);
}
