/** @file What a training minimizes: a scalar computed from features, and what it is fed with. */
import type { Batch } from "../data/dataset.ts";
import { input, type Value } from "../graph/value.ts";
import { cosineLogits, cosines } from "../nn/cosine.ts";
import { linear } from "../nn/linear.ts";
import { crossEntropy } from "../nn/loss.ts";
import { add, mul, reduceSum, scale, sign, softmax, sub } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { tensor } from "../tensor/tensor.ts";
import type { Features } from "./features.ts";
import type { MicroBatch } from "./micro-batches.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** One objective. A teacher's outputs, say, are fed like labels. */
export interface Objective {
  /** Names its part of the graph: it must change when the shapes of its inputs do. */
  readonly name: string;
  /** The kind of features that it needs at least: `loss` gets them, or the network's own where those are wider. */
  readonly features?: Features;
  /**
   * The loss of a micro-batch, a scalar; summed over micro-batches it is the batch's. features: [images, d]
   * @param imageShare 1 / images of the batch, and 0 for an image that only fills up a run. [images]
   */
  loss(features: Value, values: ParameterInputs, imageShare: Value): Value;
  /** What it is fed with, besides trained values, for the images of one micro-batch. */
  feeds(batch: Batch, micro: MicroBatch): Tensors | Promise<Tensors>;
}

/** Which classes, and how many rows the classifier has room for: spare rows are masked. */
export interface LocalClasses {
  /** Row k stands for the class `classes[k]`. */
  readonly classes: readonly number[];
  readonly capacity: number;
}

/**
 * Mean cross-entropy of a batch over the classes of its task alone, of a linear classifier: values `head.weight`
 * [capacity, d] and `head.bias` [capacity].
 */
export const localCrossEntropy = (local: LocalClasses): Objective =>
  crossEntropyOf(`cross-entropy over ${local.capacity} rows`, local, linearLogits(local));

const linearLogits =
  ({ capacity }: LocalClasses): Logits =>
  (features, values) => {
    const weight = values("head.weight", [capacity, features.dims[1]!]);
    return linear(features, weight, values("head.bias", [capacity]));
  };

/**
 * forward · cross-entropy + reverse · that of the label under the classifier's answer, log 0 taken as log 1e-4: 1 − p of the
 * own class, times 9.2. Of a linear classifier, as above.
 */
export const localSymmetricCrossEntropy = (
  local: LocalClasses,
  { forward, reverse }: { readonly forward: number; readonly reverse: number },
): Objective =>
  crossEntropyOf(
    `symmetric cross-entropy ${forward}, ${reverse} over ${local.capacity} rows`,
    local,
    linearLogits(local),
    (logits, targets) => {
      const missed = sub(reduceSum(targets), reduceSum(mul(targets, softmax(logits))));
      return add(scale(crossEntropy(logits, targets), forward), scale(missed, -Math.log(1e-4) * reverse));
    },
  );

/** The same of a cosine classifier: values `head.weight` [capacity, d], of any length, and `head.scale` [], σ of σ cos. */
export const localCosineCrossEntropy = (local: LocalClasses): Objective =>
  crossEntropyOf(`cross-entropy over ${local.capacity} cosines`, local, (features, values) =>
    cosineLogits(
      features,
      values("head.weight", [local.capacity, features.dims[1]!]),
      values("head.scale", []),
    ),
  );

/**
 * The same of a cosine classifier of a fixed σ ("cosface"): values `head.weight` [capacity, d]. Logits are σ cos, that of an
 * image's own class σ (cos − margin).
 */
export const localAngularCrossEntropy = (
  local: LocalClasses,
  { value, margin }: { readonly value: number; readonly margin: number },
): Objective =>
  crossEntropyOf(
    `cross-entropy over ${local.capacity} times ${value} cosines, margin ${margin}`,
    local,
    (features, values, own) => {
      const all = cosines(features, values("head.weight", [local.capacity, features.dims[1]!]));
      return scale(margin === 0 ? all : sub(all, scale(own(), margin)), value);
    },
  );

type Logits = (features: Value, values: ParameterInputs, own: () => Value) => Value;

/** `logitsOf` may ask for the image's own class: a row with a single 1. [images, capacity] */
function crossEntropyOf(
  name: string,
  { classes, capacity }: LocalClasses,
  logitsOf: Logits,
  lossOf: (logits: Value, targets: Value) => Value = crossEntropy,
): Objective {
  const row = new Map(classes.map((label, index) => [label, index]));
  const mask = Float32Array.from({ length: capacity }, (_, index) => (index < classes.length ? 0 : -1e9));
  const classMask = tensor("float32", [capacity], mask);
  return {
    name,
    loss(features, values) {
      const images = features.dims[0]!;
      const targets = input("targets", "float32", [images, capacity]);
      const masked = add(
        logitsOf(features, values, () => sign(targets)),
        input("classMask", "float32", [capacity]),
      );
      return lossOf(masked, targets);
    },
    feeds(batch, { start, count, images }) {
      const size = images.dims[0]!;
      const targets = new Float32Array(size * capacity);
      for (let i = 0; i < count; i++) {
        const label = batch.labels[start + i]!;
        const at = row.get(label);
        if (at === undefined) {
          throw new Error(`training: label ${label} is none of the task's classes (${classes.join(", ")})`);
        }
        targets[i * capacity + at] = 1 / batch.count;
      }
      return { targets: tensor("float32", [size, capacity], targets), classMask };
    },
  };
}
