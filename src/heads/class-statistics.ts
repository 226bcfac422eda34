/**
 * @file Means of all classes and their shared within-class scatter: what classifies, in constant memory,
 * and moves along when the features drift. Source: design of this project (ours); LDA is Fisher's.
 */
import type { LabeledFeatures } from "../data/dataset.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { columnMeans, gram } from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { DriftMap } from "./drift/drift.ts";
import { type LinearClassifier, unitRows } from "./linear-classifier.ts";

/** Means of `classes`, in order of position. */
export interface MeanRows {
  readonly classes: readonly number[];
  readonly means: Float64Array; // [classes, d]
}

/** Class means and counts and, unless nobody asks for it, the shared scatter of features of width d. */
export class ClassStatistics {
  readonly width: number;
  #means = new Map<number, { count: number; mean: Float64Array }>();
  #scatter: Float64Array | undefined; // [d, d], Σ (f − mean of its class)(…)ᵀ

  constructor(width: number, { scatter = true }: { readonly scatter?: boolean } = {}) {
    this.width = width;
    if (scatter) this.#scatter = new Float64Array(width * width);
  }

  /** Classes seen so far, in order of position. */
  get classes(): number[] {
    return [...this.#means.keys()].sort((a, b) => a - b);
  }

  /** Images of a class so far. */
  count(label: number): number {
    return this.#means.get(label)?.count ?? 0;
  }

  /** Moves means and scatter along with the features: mean ← map(mean), scatter as `DriftMap.scatter` says. */
  move(map: DriftMap): void {
    if (this.#means.size === 0) return;
    const d = this.width;
    const { classes, means } = this.meanRows();
    const moved = map.points(means);
    for (const [row, label] of classes.entries())
      this.#means.get(label)!.mean = moved.slice(row * d, (row + 1) * d);
    if (this.#scatter === undefined) return;
    this.#scatter = map.scatter(this.#scatter);
    mirrorLower(this.#scatter, d); // the two halves round differently, and factorizing would refuse that
  }

  /**
   * Adds a task's features. A class seen before is merged: its mean by counts, the scatter by the task's own
   * and, if `betweenScatter`, by n_c n / (n_c + n) (mean_c − mean)(mean_c − mean)ᵀ.
   */
  add({ features, labels }: LabeledFeatures, options: { readonly betweenScatter: boolean }): void {
    const d = this.width;
    for (const [label, own] of rowsByLabel({ features, labels }, d)) {
      const images = own.length / d;
      const mean = columnMeans(own, d);
      if (this.#scatter !== undefined) addInto(this.#scatter, scatterAround(own, mean));
      const known = this.#means.get(label);
      if (known === undefined) {
        this.#means.set(label, { count: images, mean });
        continue;
      }
      const count = known.count + images;
      const gap = mean.map((value, i) => value - known.mean[i]!);
      if (options.betweenScatter && this.#scatter !== undefined)
        addOuter(this.#scatter, gap, (known.count * images) / count);
      this.#means.set(label, {
        count,
        mean: known.mean.map((value, i) => value + (gap[i]! * images) / count),
      });
    }
  }

  /** Within-class covariance S = scatter / (N − K). */
  covariance(): Float64Array {
    const total = [...this.#means.values()].reduce((sum, { count }) => sum + count, 0);
    if (this.#scatter === undefined) throw new Error("class statistics: there is no scatter");
    return this.#scatter.map((value) => value / Math.max(total - this.#means.size, 1));
  }

  /** Class means as rows, in order of position. */
  meanRows(): MeanRows {
    const classes = this.classes;
    const means = new Float64Array(classes.length * this.width);
    for (const [i, label] of classes.entries()) means.set(this.#means.get(label)!.mean, i * this.width);
    return { classes, means };
  }

  /** Nearest class mean by cosine: the features must be normalized by whoever scores. */
  prototypes(): LinearClassifier {
    const { classes, means } = this.meanRows();
    return { classes, weight: unitRows(means, this.width), bias: new Float64Array(classes.length) };
  }

  /** As float32 tensors under `prefix`. */
  tensors(prefix: string): Record<string, Tensor> {
    const d = this.width;
    const { classes, means } = this.meanRows();
    return {
      [`${prefix}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${prefix}counts`]: tensor(
        "int32",
        [classes.length],
        Int32Array.from(classes, (c) => this.#means.get(c)!.count),
      ),
      [`${prefix}means`]: tensor("float32", [classes.length, d], Float32Array.from(means)),
      ...(this.#scatter === undefined
        ? {}
        : { [`${prefix}scatter`]: tensor("float32", [d, d], Float32Array.from(this.#scatter)) }),
    };
  }

  /** Reads back what `tensors` wrote. */
  static from(tensors: Tensors, prefix: string): ClassStatistics {
    const rows = tensors[`${prefix}means`]!;
    const scatter = tensors[`${prefix}scatter`];
    const d = rows.dims[1]!;
    const result = new ClassStatistics(d, { scatter: false });
    if (scatter !== undefined) result.#scatter = Float64Array.from(float32Data(scatter));
    const means = float32Data(rows);
    for (const [i, label] of (tensors[`${prefix}classes`]!.data as Int32Array).entries()) {
      const count = Number(tensors[`${prefix}counts`]!.data[i]);
      result.#means.set(label, { count, mean: Float64Array.from(means.subarray(i * d, (i + 1) * d)) });
    }
    return result;
  }
}

/** Each label's rows of width d, labels in order. [n, d] each */
export function rowsByLabel({ features, labels }: LabeledFeatures, d: number): [number, Float64Array][] {
  const positions = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) {
    const own = positions.get(label);
    if (own === undefined) positions.set(label, [row]);
    else own.push(row);
  }
  return [...positions]
    .sort(([a], [b]) => a - b)
    .map(([label, rows]) => {
      const own = new Float64Array(rows.length * d);
      for (const [i, row] of rows.entries()) own.set(features.subarray(row * d, (row + 1) * d), i * d);
      return [label, own];
    });
}

function scatterAround(rows: Float64Array, mean: Float64Array): Float64Array {
  const d = mean.length;
  const centered = rows.map((value, i) => value - mean[i % d]!);
  return gram(centered, d, centered, d);
}

function addInto(target: Float64Array, values: Float64Array): void {
  for (let i = 0; i < target.length; i++) target[i]! += values[i]!;
}

function addOuter(target: Float64Array, vector: Float64Array, factor: number): void {
  const d = vector.length;
  for (let i = 0; i < d; i++)
    for (let j = 0; j <= i; j++) target[i * d + j]! += factor * vector[i]! * vector[j]!;
  mirrorLower(target, d);
}

function mirrorLower(square: Float64Array, d: number): void {
  for (let i = 0; i < d; i++) for (let j = 0; j < i; j++) square[j * d + i] = square[i * d + j]!;
}
