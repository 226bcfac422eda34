/** @file The training of one task: the arrays that move, the head rows of its classes, the optimizer. */
import type { Batch } from "../../data/dataset.ts";
import type { TaskHead } from "../../heads/task-head.ts";
import type { AdaptedVit } from "../../network/adapted-vit.ts";
import type { Optimization } from "../../optim/index.ts";
import type { Optimizer, Parameter } from "../../optim/optimizer.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { InputError } from "../../tensor/errors.ts";
import { prefixed, withPrefix } from "../../tensor/prefix.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
import type { StepPosition } from "../method.ts";

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

/** A task in training, with local cross-entropy over its own classes. */
export class TaskTraining {
  readonly classes: readonly number[];
  readonly #vit: AdaptedVit;
  readonly #fixed: Tensors;
  readonly #trained: readonly Parameter[];
  readonly #derived: Reparameterization | undefined;
  readonly #head: { weight: Tensor<"float32">; bias: Tensor<"float32">; capacity: number };
  readonly #optimization: Optimization;
  readonly #optimizer: Optimizer;
  readonly #direct: Tensors;

  /**
   * `fixed` are graph parameters that don't move, `direct` those that do, and `indirect` further trained arrays.
   */
  constructor(
    vit: AdaptedVit,
    options: {
      readonly classes: readonly number[];
      readonly head: TaskHead;
      readonly headRate: number;
      readonly optimization: Optimization;
      readonly fixed: Tensors;
      /** Copied, then moved. */
      readonly direct: Trained;
      /** Further trained arrays, seen by the graph through `derived`. */
      readonly indirect?: readonly Parameter[];
      readonly derived?: Reparameterization;
    },
  ) {
    this.#vit = vit;
    this.classes = options.classes;
    this.#fixed = options.fixed;
    this.#head = options.head.open(options.classes);
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
    this.#derived = options.derived;
    this.#optimization = options.optimization;
    this.#optimizer = options.optimization.optimizer();
  }

  /** Numbers that move; the padding of the head does not count. */
  get size(): number {
    const padding = (this.#head.capacity - this.classes.length) * (this.#vit.width + 1);
    return this.#trained.reduce((sum, { data }) => sum + data.length, 0) - padding;
  }

  /** One optimizer step on a batch; returns its mean loss. */
  async step(batch: Batch, position: StepPosition): Promise<number> {
    const feeds = {
      ...this.#fixed,
      ...this.#direct,
      ...this.#derived?.feeds(position),
      ...this.#headFeeds(),
    };
    const wanted = gradientNames(Object.keys(this.#direct), this.#derived?.wanted);
    const head = { classes: this.classes, capacity: this.#head.capacity };
    const { loss, gradients } = await this.#vit.gradients(batch, feeds, wanted, head);
    if (!Number.isFinite(loss)) throw diverged(`the loss is ${loss}`);
    const all = { ...gradients, ...this.#derived?.pullBack(gradients) };
    this.#optimizer.step(this.#trained, all, this.#optimization.schedule(position.progress));
    return loss;
  }

  /** Trained values of a graph parameter. */
  value(name: string): Tensor {
    return this.#direct[name]!;
  }

  /** Gives the trained rows to the head. @throws InputError if training has diverged: nothing of it may be kept. */
  closeHead(head: TaskHead): void {
    for (const { name, data } of this.#trained)
      if (!data.every(Number.isFinite)) throw diverged(`${name} has no finite values`);
    head.close(this.classes, this.#head.weight.data, this.#head.bias.data);
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
}

const diverged = (what: string): InputError =>
  new InputError(
    `training diverged, ${what}; choose lower learning rates (--bases-rate, --core-rate, --head-rate)`,
  );
