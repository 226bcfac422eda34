/** @file The training of one CL-LoRA task: cross-entropy, a teacher for what tasks share, and unlike weights of blocks. */
import type { Batch } from "../../data/dataset.ts";
import type { AdaptedNetwork, Gradients } from "../../network/adapted-network.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data } from "../../tensor/tensor.ts";
import type { StepPosition } from "../method.ts";
import { TaskTraining, type TaskTrainingOptions } from "../parts/task-training.ts";
import { distillation } from "./distillation.ts";

/** What is minimized besides cross-entropy. */
export interface SharedTrainingOptions {
  /** The network of the shared blocks alone. */
  readonly early: AdaptedNetwork;
  /** What the shared blocks had before the task. */
  readonly before: Tensors;
  /** Names of their trained values. */
  readonly shared: readonly string[];
  /** Names of the block weights, and those of past tasks in that order. */
  readonly weights: readonly string[];
  readonly past: readonly (readonly number[])[];
  readonly distillation: number;
  readonly temperature: number;
  readonly attached: boolean;
  readonly orthogonality: number;
}

/** From the second task on, gradients of all terms together move the values in one step. */
export class SharedTraining extends TaskTraining {
  readonly #shared: SharedTrainingOptions;
  /** By shared value: what each row's pull by the teacher is multiplied by. */
  readonly #importance: ReadonlyMap<string, Float32Array>;

  constructor(options: TaskTrainingOptions, shared: SharedTrainingOptions) {
    super(options);
    this.#shared = shared;
    this.#importance = new Map(
      shared.shared.map((name) => [
        name,
        rowImportance(float32Data(shared.before[name]!), shared.before[name]!.dims[0]!),
      ]),
    );
  }

  protected override async measure(batch: Batch, position: StepPosition): Promise<Gradients> {
    const found = await super.measure(batch, position);
    if (this.#shared.past.length === 0) return found;
    const terms = [await this.#taught(batch, position), this.#unlike()];
    const gradients = { ...found.gradients };
    for (const term of terms)
      for (const [name, more] of Object.entries(term.gradients))
        gradients[name] = gradients[name]!.map((value, i) => value + more[i]!);
    return { loss: terms.reduce((sum, { loss }) => sum + loss, found.loss), gradients };
  }

  /** The teacher's term, rows of shared values pulled by their importance. */
  async #taught(batch: Batch, position: StepPosition): Promise<Gradients> {
    const { early, before, shared, distillation: weight, temperature, attached } = this.#shared;
    const values = this.graphValues(position);
    const head = { weight: values["head.weight"]!, scale: values["head.scale"]! };
    const objective = distillation(await early.features(batch, before), {
      capacity: head.weight.dims[0]!,
      classes: this.classes.length,
      weight,
      temperature,
      attached,
    });
    const fed = { ...values, "teacher.weight": head.weight, "teacher.scale": head.scale };
    const found = await early.gradients(batch, fed, [...shared, "head.weight", "head.scale"], objective);
    for (const [name, importance] of this.#importance) {
      const gradient = found.gradients[name]!;
      const rank = gradient.length / importance.length;
      for (let i = 0; i < gradient.length; i++) gradient[i]! *= importance[Math.floor(i / rank)]!;
    }
    return found;
  }

  /** weight · mean over past tasks of |cos(their block weights, the task's)|. */
  #unlike(): Gradients {
    const { weights, past, orthogonality } = this.#shared;
    const own = weights.map((name) => Number(this.value(name).data[0]));
    const size = Math.hypot(...own) || 1;
    const pull = own.map(() => 0);
    let loss = 0;
    for (const other of past) {
      const length = Math.hypot(...other) || 1;
      const cosine = own.reduce((sum, value, i) => sum + value * other[i]!, 0) / size / length;
      const factor = (orthogonality * Math.sign(cosine)) / past.length;
      loss += factor * cosine;
      for (const [i, value] of own.entries())
        pull[i]! += factor * (other[i]! / length / size - (cosine * value) / size ** 2);
    }
    return {
      loss,
      gradients: Object.fromEntries(weights.map((name, i) => [name, Float32Array.of(pull[i]!)])),
    };
  }
}

/** rows · |row| / Σ |row|, or 1 where all rows are zero. values: [rows, r] */
function rowImportance(values: Float32Array, rows: number): Float32Array {
  const rank = values.length / rows;
  const lengths = Float32Array.from({ length: rows }, (_, i) =>
    Math.hypot(...values.subarray(i * rank, (i + 1) * rank)),
  );
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length) => (total === 0 ? 1 : (rows * length) / total));
}
