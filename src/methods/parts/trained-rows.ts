/** @file Trained classifier rows: one per class, kept by stream position. */
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { HeadClassifier } from "../../heads/head.ts";
import { type LinearClassifier, linearScores, unitRows } from "../../heads/linear-classifier.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Rows of a head that trains `classes` classes: a power of two, so that few sessions serve tasks of all sizes. */
export const rowCapacity = (classes: number): number => 2 ** Math.ceil(Math.log2(Math.max(classes, 2)));

/** Rows of all classes seen, as saved. */
export class TrainedRows {
  readonly width: number;
  /** σ of rows that score by σ cos(w, f); left out: by w · f + b. */
  readonly scale: number | undefined;
  readonly #rows = new Map<number, { weight: Float32Array; bias: number }>();
  /** Of the rows as they are: every predicted batch asks for it. */
  #classifier: HeadClassifier | undefined;

  constructor(width: number, scale?: number) {
    this.width = width;
    this.scale = scale;
  }

  /** Whether no row has been trained. */
  get empty(): boolean {
    return this.#rows.size === 0;
  }

  /** Share of the classes with rows that are not among these; 0 where there are none. */
  shareBesides(classes: readonly number[]): number {
    if (this.empty) return 0;
    const own = new Set(classes);
    return [...this.#rows.keys()].filter((label) => !own.has(label)).length / this.#rows.size;
  }

  /**
   * Training arrays for some classes: known rows are copied, new ones are zero.
   * @param seen new rows start at the mean of their class's features among these, each at length 1
   */
  open(
    classes: readonly number[],
    seen?: LabeledFeatures,
  ): { weight: Tensor<"float32">; bias: Tensor<"float32">; capacity: number } {
    const capacity = rowCapacity(classes.length);
    const weight = new Float32Array(capacity * this.width);
    const bias = new Float32Array(capacity);
    const means = seen === undefined ? undefined : unitMeans(seen, this.width);
    for (const [i, label] of classes.entries()) {
      const row = this.#rows.get(label);
      weight.set(row?.weight ?? means?.get(label) ?? [], i * this.width);
      bias[i] = row?.bias ?? 0;
    }
    return {
      weight: tensor("float32", [capacity, this.width], weight),
      bias: tensor("float32", [capacity], bias),
      capacity,
    };
  }

  /** Takes trained rows back. */
  close(classes: readonly number[], weight: Float32Array, bias: Float32Array): void {
    for (const [i, label] of classes.entries()) {
      this.#rows.set(label, { weight: weight.slice(i * this.width, (i + 1) * this.width), bias: bias[i]! });
    }
    this.#classifier = undefined;
  }

  /** All rows as a classifier. */
  classifier(): HeadClassifier {
    if (this.#classifier === undefined) {
      const { classes, weight, bias } = this.#stacked();
      const stacked = { classes, weight, bias };
      this.#classifier =
        this.scale === undefined
          ? { ...stacked, unitFeatures: false }
          : cosineRows(stacked, this.width, this.scale);
    }
    return this.#classifier;
  }

  /** Scores of features [n, width] among `classCount` classes. */
  scores(features: Float32Array, classCount: number): Float32Array {
    const classifier = this.classifier();
    const rows = classifier.unitFeatures ? unitRows(features, this.width) : features;
    return linearScores(classifier, rows, this.width, classCount);
  }

  /** The rows as they were trained, by class. */
  #stacked(): Omit<HeadClassifier, "unitFeatures"> {
    const classes = [...this.#rows.keys()].sort((a, b) => a - b);
    const weight = new Float64Array(classes.length * this.width);
    for (const [i, label] of classes.entries()) weight.set(this.#rows.get(label)!.weight, i * this.width);
    return { classes, weight, bias: Float64Array.from(classes, (label) => this.#rows.get(label)!.bias) };
  }

  tensors(prefix: string): Record<string, Tensor> {
    const { classes, weight, bias } = this.#stacked();
    return {
      [`${prefix}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${prefix}weight`]: tensor("float32", [classes.length, this.width], Float32Array.from(weight)),
      [`${prefix}bias`]: tensor("float32", [classes.length], Float32Array.from(bias)),
    };
  }

  /** Reads back what `tensors` gave. */
  static from(tensors: Tensors, prefix: string, scale?: number): TrainedRows {
    const weight = tensors[`${prefix}weight`]!;
    const rows = new TrainedRows(weight.dims[1]!, scale);
    const classes = [...(tensors[`${prefix}classes`]!.data as Int32Array)];
    rows.close(classes, float32Data(weight), float32Data(tensors[`${prefix}bias`]!));
    return rows;
  }
}

/** Mean of each class's features, each of them at length 1. */
function unitMeans({ features, labels }: LabeledFeatures, width: number): Map<number, Float32Array> {
  const rows = unitRows(features, width);
  const sums = new Map<number, { readonly sum: Float64Array; count: number }>();
  for (const [row, label] of labels.entries()) {
    const own = sums.get(label) ?? { sum: new Float64Array(width), count: 0 };
    for (let i = 0; i < width; i++) own.sum[i]! += rows[row * width + i]!;
    own.count++;
    sums.set(label, own);
  }
  return new Map(
    [...sums].map(([label, { sum, count }]) => [label, Float32Array.from(sum, (value) => value / count)]),
  );
}

/** Rows whose product with a feature of unit length is `scale` times its cosine with them. */
export function cosineRows(
  { classes, weight }: LinearClassifier,
  width: number,
  scale: number,
): HeadClassifier {
  const units = unitRows(weight, width).map((value) => scale * value);
  return { classes, weight: units, bias: new Float64Array(classes.length), unitFeatures: true };
}
