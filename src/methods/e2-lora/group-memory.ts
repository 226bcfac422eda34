/** @file What E2-LoRA keeps of a group of layers: directions and inputs of all tasks' changes, in room for all outputs. */
import type { Tensors } from "../../runtime/runtime.ts";
import { concatenate } from "../../tensor/concatenate.ts";
import { product, transposed } from "../../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";
import type { TaskDirections } from "./output-directions.ts";

/** Directions of all tasks, as float32 keeps them. */
export class GroupMemory {
  readonly #name: string;
  readonly #out: number;
  readonly #width: number;
  readonly tasks: readonly TaskDirections[];

  constructor(name: string, [out, width]: readonly [number, number], tasks: readonly TaskDirections[] = []) {
    this.#name = name;
    this.#out = out;
    this.#width = width;
    this.tasks = tasks;
  }

  /** With other tasks. */
  of(tasks: readonly TaskDirections[]): GroupMemory {
    return new GroupMemory(this.#name, [this.#out, this.#width], tasks);
  }

  get rank(): number {
    return this.tasks.reduce((sum, { energies }) => sum + energies.length, 0);
  }

  /** All directions as columns. [out, rank] */
  columns(): Float64Array {
    return transposed(this.#rows("directions"), this.rank, this.#out);
  }

  /** Σ u aᵀ over all of them. [out, in] */
  change(): Float64Array {
    if (this.rank === 0) return new Float64Array(this.#out * this.#width);
    return product(this.columns(), this.rank, this.#rows("inputs"), this.#width);
  }

  /** Of all tasks. [rank, out or in] */
  #rows(part: "directions" | "inputs"): Float64Array {
    const parts = this.tasks.map((task) => task[part]);
    return concatenate(Float64Array, parts);
  }

  /** Of one size however many there are: the rest is zeros, of no task. */
  tensors(): Record<string, Tensor> {
    const filled = (rows: Float64Array, width: number): Tensor => {
      const data = new Float32Array(this.#out * width);
      data.set(rows);
      return tensor("float32", [this.#out, width], data);
    };
    const each = (of: (task: TaskDirections, index: number) => number[]): Float64Array =>
      Float64Array.from(this.tasks.flatMap(of));
    const owners = new Int32Array(this.#out).fill(-1);
    owners.set(each(({ energies }, index) => energies.map(() => index)));
    const names = {
      directions: filled(this.#rows("directions"), this.#out),
      inputs: filled(this.#rows("inputs"), this.#width),
      energies: filled(
        each(({ energies }) => [...energies]),
        1,
      ),
      totals: filled(
        each(({ energies, total }) => energies.map(() => total)),
        1,
      ),
      owners: tensor("int32", [this.#out], owners),
    };
    return Object.fromEntries(Object.entries(names).map(([name, value]) => [`${this.#name}.${name}`, value]));
  }

  /** What `tensors` wrote. */
  from(state: Tensors): GroupMemory {
    const numbers = (name: string): Float64Array =>
      Float64Array.from(float32Data(state[`${this.#name}.${name}`]!));
    const owners = [...state[`${this.#name}.owners`]!.data].map(Number);
    const [directions, inputs, energies, totals] = ["directions", "inputs", "energies", "totals"].map(
      numbers,
    ) as [Float64Array, Float64Array, Float64Array, Float64Array];
    const count = owners.reduce((most, owner) => Math.max(most, owner + 1), 0);
    const tasks = Array.from({ length: count }, (_, task) => {
      const [from, to] = [owners.indexOf(task), owners.lastIndexOf(task) + 1];
      return {
        total: totals[from]!,
        energies: [...energies.subarray(from, to)],
        directions: directions.slice(from * this.#out, to * this.#out),
        inputs: inputs.slice(from * this.#width, to * this.#width),
      };
    });
    return this.of(tasks);
  }
}
