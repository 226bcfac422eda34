/** @file Class means, each under the values of the task that it came with. */
import type { LabeledFeatures } from "../../data/dataset.ts";
import { rowsByLabel } from "../../heads/class-statistics.ts";
import { unitRows } from "../../heads/linear-classifier.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { columnMeans } from "../../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

const PREFIX = "prototypes.";

/** A class's mean under one task's values. */
interface Prototype {
  readonly label: number;
  readonly task: number;
  readonly images: number;
  readonly mean: Float32Array;
}

/** One prototype for every task in which a class has come. */
export class OwnPrototypes {
  readonly #width: number;
  #all: readonly Prototype[] = [];

  /** @param width of the features under one task's values */
  constructor(width: number) {
    this.#width = width;
  }

  /** Takes in features of the newest task's images, [n, tasks · width]. The same task again joins by counts. */
  add({ features, labels }: LabeledFeatures, tasks: number): void {
    const d = this.#width;
    const newest = new Float32Array(labels.length * d);
    for (let i = 0; i < labels.length; i++)
      newest.set(features.subarray(((i + 1) * tasks - 1) * d, (i + 1) * tasks * d), i * d);
    const all = new Map(this.#all.map((each) => [`${each.label} ${each.task}`, each]));
    for (const [label, rows] of rowsByLabel({ features: newest, labels }, d)) {
      const task = tasks - 1;
      const known = all.get(`${label} ${task}`);
      const [count, before] = [rows.length / d, known?.images ?? 0];
      const mean = Float32Array.from(
        columnMeans(rows, d),
        (value, i) => (count * value + before * (known?.mean[i] ?? 0)) / (count + before),
      );
      all.set(`${label} ${task}`, { label, task, images: count + before, mean });
    }
    this.#all = [...all.values()].sort((a, b) => a.label - b.label || a.task - b.task);
  }

  /**
   * The largest cos(f_t, prototype) over the tasks t in which a class has come.
   * features: [n, tasks · width]; result: [n, classCount], −∞ for classes not seen
   */
  scores(features: Float32Array, tasks: number, classCount: number): Float32Array {
    const d = this.#width;
    const n = features.length / (tasks * d);
    const units = unitRows(features, d);
    const scores = new Float32Array(n * classCount).fill(Number.NEGATIVE_INFINITY);
    for (const { label, task, mean } of this.#all) {
      const direction = unitRows(mean, d);
      for (let i = 0; i < n; i++) {
        let cosine = 0;
        for (let k = 0; k < d; k++) cosine += units[(i * tasks + task) * d + k]! * direction[k]!;
        scores[i * classCount + label] = Math.max(scores[i * classCount + label]!, cosine);
      }
    }
    return scores;
  }

  tensors(): Record<string, Tensor> {
    const numbers = (of: (each: Prototype) => number): Tensor =>
      tensor("int32", [this.#all.length], Int32Array.from(this.#all, of));
    const means = new Float32Array(this.#all.length * this.#width);
    for (const [i, { mean }] of this.#all.entries()) means.set(mean, i * this.#width);
    return {
      [`${PREFIX}classes`]: numbers(({ label }) => label),
      [`${PREFIX}tasks`]: numbers(({ task }) => task),
      [`${PREFIX}counts`]: numbers(({ images }) => images),
      [`${PREFIX}means`]: tensor("float32", [this.#all.length, this.#width], means),
    };
  }

  load(state: Tensors): void {
    const [labels, tasks, counts] = ["classes", "tasks", "counts"].map((name) =>
      [...state[PREFIX + name]!.data].map(Number),
    ) as [number[], number[], number[]];
    const means = float32Data(state[`${PREFIX}means`]!);
    this.#all = labels.map((label, i) => ({
      label,
      task: tasks[i]!,
      images: counts[i]!,
      mean: means.slice(i * this.#width, (i + 1) * this.#width),
    }));
  }
}
