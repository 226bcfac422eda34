/** @file The training of one task: the arrays that move, the head rows of its classes, the optimizer. */
import type { Batch, LabeledFeatures } from "../../data/dataset.ts";
import type { AdaptedNetwork, Gradients } from "../../network/adapted-network.ts";
import { distilled } from "../../network/distillation.ts";
import {
  type LocalClasses,
  localAngularCrossEntropy,
  localCosineCrossEntropy,
  localCrossEntropy,
  type Objective,
} from "../../network/objective.ts";
import type { Optimization } from "../../optim/index.ts";
import type { Optimizer, Parameter } from "../../optim/optimizer.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { prefixed, withPrefix } from "../../tensor/prefix.ts";
import type { Rng } from "../../tensor/rng.ts";
import { filledTensor, float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
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

/** Values of a linear classifier. */
const LINEAR = ["head.weight", "head.bias"];

/** Graph parameters whose gradients a training asks for, in the order that names its session. */
export function gradientNames(
  direct: readonly string[],
  derived: readonly string[] = [],
  head: readonly string[] = LINEAR,
): string[] {
  return [...direct, ...derived, ...head];
}

/** A classifier by cosines in place of a linear one: its logits are σ cos, rows that would start at zero are drawn. */
export interface CosineClassifier {
  readonly rng: Rng;
  /** How σ is trained, or what it is. */
  readonly scale: TrainedScale | FixedScale;
}

/** σ starts at 1. */
export interface TrainedScale {
  readonly rate: number;
}

/** σ stays. */
export interface FixedScale {
  readonly value: number;
  /** What is taken off the cosine with an image's own class ("cosface"). */
  readonly margin: number;
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
  readonly cosine?: CosineClassifier;
  /** Features of the task's images before it trains: rows of new classes start at their means (`TrainedRows.open`). */
  readonly rowStart?: LabeledFeatures | undefined;
  /** Weight of the distance from the features of the network as it starts (`distilled`). */
  readonly distillation?: number | undefined;
  /** What is minimized, if not cross-entropy over the task's classes alone; it gets that. */
  readonly objective?: (local: LocalClasses, crossEntropy: Objective) => Objective;
  /** Names of the method's options that are learning rates: for advice where training diverges. */
  readonly rates: readonly string[];
}

/** A task in training, with local cross-entropy over its own classes. */
export class TaskTraining implements Training {
  readonly classes: readonly number[];
  readonly #options: TaskTrainingOptions;
  readonly #objective: Objective;
  readonly #trained: readonly Parameter[];
  readonly #head: ReturnType<TrainedRows["open"]>;
  /** Of its classifier, as the graph knows them. */
  readonly #headValues: Tensors;
  readonly #optimizer: Optimizer;
  readonly #direct: Tensors;

  constructor(options: TaskTrainingOptions) {
    this.#options = options;
    this.classes = options.classes;
    this.#head = options.rows.open(options.classes, options.rowStart);
    const { weight, bias, capacity } = this.#head;
    const { cosine, headRate } = options;
    const local = { classes: this.classes, capacity };
    const { objective, second } = classifierOf(local, cosine, { bias, headRate });
    this.#objective = heldBack(options, options.objective?.(local, objective) ?? objective);
    if (cosine !== undefined) drawMissing(weight, this.classes.length, cosine.rng);
    this.#headValues = {
      "head.weight": weight,
      ...Object.fromEntries(second.map(({ name, value }) => [name, value])),
    };
    const copies = Object.entries(options.direct).map(([name, { start, rate }]) => ({
      name,
      rate,
      tensor: tensor("float32", start.dims, float32Data(start).slice()),
    }));
    this.#direct = Object.fromEntries(copies.map(({ name, tensor: copy }) => [name, copy]));
    this.#trained = [
      ...copies.map(({ name, rate, tensor: copy }) => ({ name, rate, data: copy.data })),
      ...(options.indirect ?? []),
      { name: "head.weight", rate: headRate, data: weight.data },
      ...second.map(({ name, rate, value }) => ({ name, rate, data: value.data })),
    ];
    this.#optimizer = options.optimization.optimizer();
  }

  /** Numbers that move; the padding of the head does not count. */
  get size(): number {
    const { network, cosine } = this.#options;
    const padding =
      (this.#head.capacity - this.classes.length) * (network.width + (cosine === undefined ? 1 : 0));
    return this.#trained.reduce((sum, { data }) => sum + data.length, 0) - padding;
  }

  /** One optimizer step on a batch; returns its mean loss. */
  async step(batch: Batch, position: StepPosition): Promise<number> {
    const { loss, gradients } = await this.measure(batch, position);
    this.move(gradients, position);
    return loss;
  }

  /**
   * The loss of a batch and its gradients.
   * @param changed trained values in place of those of that name
   */
  protected async measure(batch: Batch, position: StepPosition, changed: Tensors = {}): Promise<Gradients> {
    const { network, derived } = this.#options;
    const wanted = gradientNames(Object.keys(this.#direct), derived?.wanted, Object.keys(this.#headValues));
    const values = { ...this.graphValues(position), ...changed };
    const found = await network.gradients(batch, values, wanted, this.#objective);
    if (!Number.isFinite(found.loss)) throw this.#diverged(`the loss is ${found.loss}`);
    return found;
  }

  /** One optimizer step along gradients by graph parameters. */
  protected move(gradients: Gradients["gradients"], position: StepPosition): void {
    const { derived, optimization } = this.#options;
    const all = { ...gradients, ...derived?.pullBack(gradients) };
    this.#optimizer.step(this.#trained, all, optimization.schedule(position.progress));
  }

  /** All that graphs are fed with besides images, as it is now. */
  protected graphValues(position: StepPosition): Tensors {
    const { fixed, derived } = this.#options;
    return { ...fixed, ...this.#direct, ...derived?.feeds(position), ...this.#headValues };
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

  #diverged(what: string): InputError {
    const rates = this.#options.rates.map((name) => optionText(name)).join(", ");
    return new InputError(`training diverged, ${what}; choose lower learning rates (${rates})`);
  }
}

/** What is minimized, and what holds the features back. The network starts at `fixed` and where `direct` starts. */
function heldBack(options: TaskTrainingOptions, objective: Objective): Objective {
  const { network, fixed, direct, distillation: weight } = options;
  if (weight === undefined) return objective;
  const starts = Object.entries(direct).map(([name, { start }]) => [name, start]);
  return distilled(objective, network, { weight, before: { ...fixed, ...Object.fromEntries(starts) } });
}

/** Cross-entropy of the classifier, and what it has trained besides rows. */
function classifierOf(
  local: LocalClasses,
  cosine: CosineClassifier | undefined,
  { bias, headRate }: { readonly bias: Tensor<"float32">; readonly headRate: number },
) {
  if (cosine === undefined) {
    const second = [{ name: "head.bias", value: bias, rate: headRate }];
    return { objective: localCrossEntropy(local), second };
  }
  const { scale } = cosine;
  if ("value" in scale) return { objective: localAngularCrossEntropy(local, scale), second: [] };
  const second = [{ name: "head.scale", value: filledTensor([], 1), rate: scale.rate }];
  return { objective: localCosineCrossEntropy(local), second };
}

/** Rows of zeros have no direction: those of classes without a past are drawn, uniform in ±1/√d. */
function drawMissing({ dims, data }: Tensor<"float32">, classes: number, rng: Rng): void {
  const width = dims[1]!;
  for (let row = 0; row < classes; row++) {
    const own = data.subarray(row * width, (row + 1) * width);
    if (own.some((value) => value !== 0)) continue;
    for (let i = 0; i < width; i++) own[i] = (2 * rng.uniform() - 1) / Math.sqrt(width);
  }
}
