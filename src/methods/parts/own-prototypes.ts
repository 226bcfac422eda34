/** @file Class means and variances, each under the values of the task that it came with. */
import type { LabeledFeatures } from "../../data/dataset.ts";
import { rowsByLabel } from "../../heads/class-statistics.ts";
import { unitRows } from "../../heads/linear-classifier.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { columnMeans } from "../../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

const PREFIX = "prototypes.";

/** A class's mean under one task's values. */
export interface Prototype {
  readonly label: number;
  readonly task: number;
  readonly images: number;
  readonly mean: Float32Array;
  /** Of each feature; zeros where nobody asks for it. */
  readonly variance: Float32Array;
}

/** One prototype for every task in which a class has come. */
export class OwnPrototypes {
  readonly #width: number;
  readonly #variances: boolean;
  #all: readonly Prototype[] = [];

  /**
   * @param width of the features under one task's values
   * @param options.variances whether variances are kept, too
   */
  constructor(width: number, { variances = false }: { readonly variances?: boolean } = {}) {
    this.#width = width;
    this.#variances = variances;
  }

  /** All of them, by class and task. */
  get all(): readonly Prototype[] {
    return this.#all;
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
      all.set(`${label} ${task}`, merged(all.get(`${label} ${task}`), summary(label, task, rows, d)));
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
    const rows = (of: (each: Prototype) => Float32Array): Tensor => {
      const data = new Float32Array(this.#all.length * this.#width);
      for (const [i, each] of this.#all.entries()) data.set(of(each), i * this.#width);
      return tensor("float32", [this.#all.length, this.#width], data);
    };
    return {
      [`${PREFIX}classes`]: numbers(({ label }) => label),
      [`${PREFIX}tasks`]: numbers(({ task }) => task),
      [`${PREFIX}counts`]: numbers(({ images }) => images),
      [`${PREFIX}means`]: rows(({ mean }) => mean),
      ...(this.#variances && { [`${PREFIX}variances`]: rows(({ variance }) => variance) }),
    };
  }

  load(state: Tensors): void {
    const [labels, tasks, counts] = ["classes", "tasks", "counts"].map((name) =>
      [...state[PREFIX + name]!.data].map(Number),
    ) as [number[], number[], number[]];
    const row = (name: string, i: number): Float32Array => {
      const rows = state[PREFIX + name];
      const from = i * this.#width;
      return rows ? float32Data(rows).slice(from, from + this.#width) : new Float32Array(this.#width);
    };
    this.#all = labels.map((label, i) => ({
      label,
      task: tasks[i]!,
      images: counts[i]!,
      mean: row("means", i),
      variance: row("variances", i),
    }));
  }
}

function summary(label: number, task: number, rows: Float64Array, d: number): Prototype {
  const mean = columnMeans(rows, d);
  const variance = columnMeans(
    rows.map((value, i) => (value - mean[i % d]!) ** 2),
    d,
  );
  return {
    label,
    task,
    images: rows.length / d,
    mean: Float32Array.from(mean),
    variance: Float32Array.from(variance),
  };
}

/** Both as one, by their counts. */
function merged(before: Prototype | undefined, now: Prototype): Prototype {
  if (before === undefined) return now;
  const images = before.images + now.images;
  const share = now.images / images;
  const gap = now.mean.map((value, i) => value - before.mean[i]!);
  return {
    ...now,
    images,
    mean: before.mean.map((value, i) => value + share * gap[i]!),
    variance: before.variance.map(
      (value, i) => (1 - share) * value + share * now.variance[i]! + share * (1 - share) * gap[i]! ** 2,
    ),
  };
}
