/** @file Class means under the adapters of all tasks. Means that could not be measured, of old classes under newer adapters, are mixed. */
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

const PREFIX = "prototypes.";

/** What is known of one class. */
interface ClassMeans {
  /** Its own adapter: the newest when it was first seen. */
  readonly own: number;
  /** Images under each adapter; 0 where there were none. */
  readonly counts: number[];
  /** Mean features under each. */
  readonly means: Float64Array[];
}

/** Prototypes P[c, b] of class c under adapter b. */
export class TaskPrototypes {
  readonly #width: number;
  #known = new Map<number, ClassMeans>();
  /** All prototypes at length 1, mixed ones included. */
  #units: ReadonlyMap<number, readonly Float64Array[]> | undefined;

  /** @param width of the features under one adapter */
  constructor(width: number) {
    this.#width = width;
  }

  /** Takes in features of the task's images, [n, adapters · width]. A class seen again joins its means by counts. */
  add({ features, labels }: LabeledFeatures, adapters: number): void {
    const row = adapters * this.#width;
    const sums = new Map<number, { count: number; sum: Float64Array }>();
    for (const [i, label] of labels.entries()) {
      const own = sums.get(label) ?? { count: 0, sum: new Float64Array(row) };
      own.count++;
      for (let j = 0; j < row; j++) own.sum[j]! += features[i * row + j]!;
      sums.set(label, own);
    }
    for (const [label, { count, sum }] of sums) {
      const before = this.#known.get(label);
      const all = Array.from({ length: adapters }, (_, b) => {
        const old = before?.counts[b] ?? 0;
        const own = sum.subarray(b * this.#width, (b + 1) * this.#width);
        const mean = own.map((value, j) => (value + old * (before?.means[b]?.[j] ?? 0)) / (old + count));
        return { count: old + count, mean };
      });
      this.#known.set(label, {
        own: before?.own ?? adapters - 1,
        counts: all.map((each) => each.count),
        means: all.map(({ mean }) => mean),
      });
    }
    this.#units = undefined;
  }

  /**
   * cos(f_a, P[c, a]) + α / (T − 1) Σ_{b ≠ a} cos(f_b, P[c, b]), where a is the class's own adapter of T.
   * features: [n, T · width]; result: [n, classCount], −∞ for classes not seen
   */
  scores(features: Float32Array, adapters: number, classCount: number, alpha: number): Float32Array {
    const row = adapters * this.#width;
    const n = features.length / row;
    const scores = new Float32Array(n * classCount).fill(Number.NEGATIVE_INFINITY);
    this.#units ??= this.#complete(adapters);
    const others = alpha / Math.max(adapters - 1, 1);
    for (let i = 0; i < n; i++) {
      const parts = Array.from({ length: adapters }, (_, b) =>
        unit(
          Float64Array.from(features.subarray(i * row + b * this.#width, i * row + (b + 1) * this.#width)),
        ),
      );
      for (const [label, prototypes] of this.#units) {
        const { own } = this.#known.get(label)!;
        let score = 0;
        for (const [b, part] of parts.entries())
          score += (b === own ? 1 : others) * dot(part, prototypes[b]!);
        scores[i * classCount + label] = score;
      }
    }
    return scores;
  }

  /** P[c, b] of every class and adapter, at length 1. */
  #complete(adapters: number): Map<number, readonly Float64Array[]> {
    const prototype = (label: number, b: number): Float64Array =>
      (this.#known.get(label)!.counts[b] ?? 0) > 0
        ? this.#known.get(label)!.means[b]!
        : this.#mixed(label, b);
    const all = [...this.#known.keys()].map((label) => {
      const rows = Array.from({ length: adapters }, (_, b) => unit(prototype(label, b)));
      return [label, rows] as const;
    });
    return new Map(all);
  }

  /** Σ_j softmax_j(cos(P[c, a], P[j, a])) P[j, b], over the classes j first seen with adapter b or later. */
  #mixed(label: number, b: number): Float64Array {
    const { own, means } = this.#known.get(label)!;
    const towards = unit(means[own]!);
    const newer = [...this.#known.values()].filter((other) => other.own >= b);
    const weights = newer.map((other) => Math.exp(dot(towards, unit(other.means[own]!))));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const result = new Float64Array(this.#width);
    for (const [j, other] of newer.entries()) {
      for (let i = 0; i < result.length; i++) result[i]! += (weights[j]! / total) * other.means[b]![i]!;
    }
    return result;
  }

  /** Of one size a class and adapter: what was not measured is zeros with a count of 0. */
  tensors(adapters: number): Record<string, Tensor> {
    const classes = [...this.#known.keys()].sort((x, y) => x - y);
    const counts = new Int32Array(classes.length * adapters);
    const means = new Float32Array(classes.length * adapters * this.#width);
    for (const [c, label] of classes.entries()) {
      const known = this.#known.get(label)!;
      for (const [b, mean] of known.means.entries()) {
        counts[c * adapters + b] = known.counts[b]!;
        means.set(mean, (c * adapters + b) * this.#width);
      }
    }
    const own = Int32Array.from(classes, (label) => this.#known.get(label)!.own);
    return {
      [`${PREFIX}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${PREFIX}own`]: tensor("int32", [classes.length], own),
      [`${PREFIX}counts`]: tensor("int32", [classes.length, adapters], counts),
      [`${PREFIX}means`]: tensor("float32", [classes.length, adapters, this.#width], means),
    };
  }

  load(state: Tensors): void {
    const numbers = (name: string): number[] => [...state[PREFIX + name]!.data].map(Number);
    const [counts, own] = [numbers("counts"), numbers("own")];
    const stored = state[`${PREFIX}means`]!;
    const adapters = stored.dims[1]!;
    const means = float32Data(stored);
    const all = numbers("classes").map((label, c) => {
      const measured = counts.slice(c * adapters, (c + 1) * adapters).filter((count) => count > 0);
      const rows = measured.map((_, b) => {
        const at = (c * adapters + b) * this.#width;
        return Float64Array.from(means.subarray(at, at + this.#width));
      });
      return [label, { own: own[c]!, counts: measured, means: rows }] as const;
    });
    this.#known = new Map(all);
    this.#units = undefined;
  }
}

const dot = (x: Float64Array, y: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
};

function unit(x: Float64Array): Float64Array {
  const norm = Math.sqrt(dot(x, x)) || 1;
  return x.map((value) => value / norm);
}
