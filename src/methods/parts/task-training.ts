/** @file The training of one task: the arrays that move, the head rows of its classes, the optimizer. */
import type { Batch } from "../../data/dataset.ts";
import type { AdaptedNetwork } from "../../network/adapted-network.ts";
import { localCrossEntropy, type Objective } from "../../network/objective.ts";
import type { Optimization } from "../../optim/index.ts";
import type { Optimizer, Parameter } from "../../optim/optimizer.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { InputError } from "../../tensor/errors.ts";
import { prefixed, withPrefix } from "../../tensor/prefix.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
import type { StepPosition, Training } from "../method.ts";
import type { TrainedRows } from "./trained-rows.ts";

/** Prefix of the optimizer's part of a state. */
const OPTIMIZER = "optimizer/";

/** How trained arrays and graph parameters hang together, where they are not the same thing. */
export interface Reparameterization {
  /** Graph parameters from the trained arrays, for the step at hand. */
  feeds(position: StepPosition): Tensors;
  /** Gradients of the trained arrays from those of the graph parameters. */
  pullBack(gradients: Readonly<Record<string, Float32Array>>): Record<string, Float32Array>;
  /** Graph parameters whose gradients `pullBack` needs. */
  readonly wanted: readonly string[];
}

/** Graph parameters whose gradients a training asks for, in the order that names its session. */
export function gradientNames(direct: readonly string[], derived: readonly string[] = []): string[] {
  return [...direct, ...derived, "head.weight", "head.bias"];
}

/** Graph parameters that are trained as they are, by name: where they start and how fast they move. */
export type Trained = Readonly<Record<string, { readonly start: Tensor; readonly rate: number }>>;

/** All of `tensors` at one learning rate. */
export function atRate(rate: number, tensors: Tensors): Trained {
  return Object.fromEntries(Object.entries(tensors).map(([name, start]) => [name, { start, rate }]));
}

/** What a task's training moves, and how. */
export interface TaskTrainingOptions {
  readonly network: AdaptedNetwork;
  readonly classes: readonly number[];
  readonly rows: TrainedRows;
  readonly headRate: number;
  readonly optimization: Optimization;
  /** Graph parameters that don't move. */
  readonly fixed: Tensors;
  /** Those that do: copied, then moved. */
  readonly direct: Trained;
  /** Further trained arrays, seen by the graph through `derived`. */
  readonly indirect?: readonly Parameter[];
  readonly derived?: Reparameterization;
  /** Names of the method's options that are learning rates: for advice where training diverges. */
  readonly rates: readonly string[];
}

/** A task in training, with local cross-entropy over its own classes. */
export class TaskTraining implements Training {
  readonly classes: readonly number[];
  readonly #options: TaskTrainingOptions;
  readonly #objective: Objective;
  readonly #trained: readonly Parameter[];
  readonly #head: { weight: Tensor<"float32">; bias: Tensor<"float32">; capacity: number };
  readonly #optimizer: Optimizer;
  readonly #direct: Tensors;

  constructor(options: TaskTrainingOptions) {
    this.#options = options;
    this.classes = options.classes;
    this.#head = options.rows.open(options.classes);
    this.#objective = localCrossEntropy({ classes: this.classes, capacity: this.#head.capacity });
    const copies = Object.entries(options.direct).map(([name, { start, rate }]) => ({
      name,
      rate,
      tensor: tensor("float32", start.dims, float32Data(start).slice()),
    }));
    this.#direct = Object.fromEntries(copies.map(({ name, tensor: copy }) => [name, copy]));
    this.#trained = [
      ...copies.map(({ name, rate, tensor: copy }) => ({ name, rate, data: copy.data })),
      ...(options.indirect ?? []),
      { name: "head.weight", rate: options.headRate, data: this.#head.weight.data },
      { name: "head.bias", rate: options.headRate, data: this.#head.bias.data },
    ];
    this.#optimizer = options.optimization.optimizer();
  }

  /** Numbers that move; the padding of the head does not count. */
  get size(): number {
    const padding = (this.#head.capacity - this.classes.length) * (this.#options.network.width + 1);
    return this.#trained.reduce((sum, { data }) => sum + data.length, 0) - padding;
  }

  /** One optimizer step on a batch; returns its mean loss. */
  async step(batch: Batch, position: StepPosition): Promise<number> {
    const { network, fixed, derived, optimization } = this.#options;
    const values = { ...fixed, ...this.#direct, ...derived?.feeds(position), ...this.#headFeeds() };
    const wanted = gradientNames(Object.keys(this.#direct), derived?.wanted);
    const { loss, gradients } = await network.gradients(batch, values, wanted, this.#objective);
    if (!Number.isFinite(loss)) throw this.#diverged(`the loss is ${loss}`);
    const all = { ...gradients, ...derived?.pullBack(gradients) };
    this.#optimizer.step(this.#trained, all, optimization.schedule(position.progress));
    return loss;
  }

  /** Trained values of a graph parameter. */
  value(name: string): Tensor {
    return this.#direct[name]!;
  }

  /** Gives the trained rows back. @throws InputError if training has diverged: nothing of it may be kept. */
  closeRows(): void {
    for (const { name, data } of this.#trained)
      if (!data.every(Number.isFinite)) throw this.#diverged(`${name} has no finite values`);
    this.#options.rows.close(this.classes, this.#head.weight.data, this.#head.bias.data);
  }

  state(): Record<string, Tensor> {
    const arrays = this.#trained.map(({ name, data }) => [
      `trained/${name}`,
      tensor("float32", [data.length], data.slice()),
    ]);
    return { ...Object.fromEntries(arrays), ...prefixed(OPTIMIZER, this.#optimizer.state()) };
  }

  load(state: Tensors): void {
    for (const { name, data } of this.#trained) data.set(float32Data(state[`trained/${name}`]!));
    this.#optimizer.load(withPrefix(OPTIMIZER, state));
  }

  #headFeeds(): Tensors {
    return { "head.weight": this.#head.weight, "head.bias": this.#head.bias };
  }

  #diverged(what: string): InputError {
    const rates = this.#options.rates.map((name) => `\`${name}\``).join(", ");
    return new InputError(`training diverged, ${what}; choose lower learning rates (${rates})`);
  }
}
