/** @file Trained classifier rows: one per class, kept by stream position. */
import type { OwnClassifier } from "../../heads/head.ts";
import { type LinearClassifier, linearScores, unitRows } from "../../heads/linear-classifier.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Rows of a head that trains `classes` classes: a power of two, so that few sessions serve tasks of all sizes. */
export const rowCapacity = (classes: number): number => 2 ** Math.ceil(Math.log2(Math.max(classes, 2)));

/** Rows of all classes seen, as saved. */
export class TrainedRows {
  readonly width: number;
  readonly #rows = new Map<number, { weight: Float32Array; bias: number }>();
  /** Of the rows as they are: every predicted batch asks for it. */
  #classifier: LinearClassifier | undefined;

  constructor(width: number) {
    this.width = width;
  }

  /** Whether no row has been trained. */
  get empty(): boolean {
    return this.#rows.size === 0;
  }

  /** Training arrays for some classes: known rows are copied, new ones are zero. */
  open(classes: readonly number[]): { weight: Tensor<"float32">; bias: Tensor<"float32">; capacity: number } {
    const capacity = rowCapacity(classes.length);
    const weight = new Float32Array(capacity * this.width);
    const bias = new Float32Array(capacity);
    for (const [i, label] of classes.entries()) {
      const row = this.#rows.get(label);
      if (row === undefined) continue;
      weight.set(row.weight, i * this.width);
      bias[i] = row.bias;
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
  classifier(): LinearClassifier {
    this.#classifier ??= this.#build();
    return this.#classifier;
  }

  /** Scores of features [n, width] among `classCount` classes. */
  scores(features: Float32Array, classCount: number): Float32Array {
    return linearScores(this.classifier(), features, this.width, classCount);
  }

  #build(): LinearClassifier {
    const classes = [...this.#rows.keys()].sort((a, b) => a - b);
    const weight = new Float64Array(classes.length * this.width);
    for (const [i, label] of classes.entries()) weight.set(this.#rows.get(label)!.weight, i * this.width);
    return { classes, weight, bias: Float64Array.from(classes, (label) => this.#rows.get(label)!.bias) };
  }

  tensors(prefix: string): Record<string, Tensor> {
    const { classes, weight, bias } = this.classifier();
    return {
      [`${prefix}classes`]: tensor("int32", [classes.length], Int32Array.from(classes)),
      [`${prefix}weight`]: tensor("float32", [classes.length, this.width], Float32Array.from(weight)),
      [`${prefix}bias`]: tensor("float32", [classes.length], Float32Array.from(bias)),
    };
  }

  static from(tensors: Tensors, prefix: string): TrainedRows {
    const weight = tensors[`${prefix}weight`]!;
    const rows = new TrainedRows(weight.dims[1]!);
    const classes = [...(tensors[`${prefix}classes`]!.data as Int32Array)];
    rows.close(classes, float32Data(weight), float32Data(tensors[`${prefix}bias`]!));
    return rows;
  }
}

/** Rows whose product with a feature of unit length is `scale` times its cosine with them. */
export function cosineRows(
  { classes, weight }: LinearClassifier,
  width: number,
  scale: number,
): LinearClassifier {
  const units = unitRows(weight, width).map((value) => scale * value);
  return { classes, weight: units, bias: new Float64Array(classes.length) };
}

/** Classifies by `scale` times the cosine with each row. */
export function cosineClassifier(rows: () => TrainedRows, scale: number): OwnClassifier {
  const linear = (): LinearClassifier => cosineRows(rows().classifier(), rows().width, scale);
  const scores = (features: Float32Array, classCount: number): Float32Array =>
    linearScores(linear(), unitRows(features, rows().width), rows().width, classCount);
  return Object.assign(scores, { linear, unitFeatures: true });
}
