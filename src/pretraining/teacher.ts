/** @file What the teacher's cached features say: standardised, and as class probabilities. */
import { backward } from "../autodiff/backward.ts";
import { graph } from "../graph/graph.ts";
import { input } from "../graph/value.ts";
import { linear } from "../nn/linear.ts";
import { crossEntropy } from "../nn/loss.ts";
import { adamw } from "../optim/optimizer.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { Rng } from "../tensor/rng.ts";
import { float32Data, tensor, zeroTensor } from "../tensor/tensor.ts";
import type { TeacherView } from "./data.ts";
import type { AffineLayer } from "./regression/affine-fit.ts";

/** Training of the linear head: enough for 200 classes, a few seconds. */
const HEAD = { steps: 400, batch: 1024, rate: 3e-3, decay: 0.01 };

/** Mean and deviation of each feature over the training images. */
export interface FeatureScale {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/** The scale of features [n, width]; a feature that never changes has deviation 1. */
export function scaleOf(features: Float32Array, width: number): FeatureScale {
  const count = features.length / width;
  const sum = new Float64Array(width);
  const squares = new Float64Array(width);
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < width; k++) sum[k]! += features[row * width + k]! / count;
  }
  for (let row = 0; row < count; row++) {
    for (let k = 0; k < width; k++) squares[k]! += (features[row * width + k]! - sum[k]!) ** 2 / count;
  }
  return {
    mean: Float32Array.from(sum),
    deviation: Float32Array.from(squares, (square) => Math.sqrt(square) || 1),
  };
}

/** Standardises features in place. */
export function standardise(features: Float32Array, { mean, deviation }: FeatureScale): void {
  const width = mean.length;
  for (let at = 0; at < features.length; at += width) {
    for (let k = 0; k < width; k++) features[at + k] = (features[at + k]! - mean[k]!) / deviation[k]!;
  }
}

/** A linear classifier of standardised features. */
export interface TeacherHead extends AffineLayer {
  /** Probabilities of the classes for one image's features. */
  predict(features: Float32Array): Float32Array;
}

/** Fits the head with cross-entropy, because a teacher's checkpoint has none, or one of other classes. */
export async function fitTeacherHead(
  features: Float32Array, // [n, width], standardised
  labels: Int32Array,
  classes: number,
  runtime: Runtime,
  seed: number,
): Promise<TeacherHead> {
  const width = features.length / labels.length;
  const { steps, batch, rate, decay } = HEAD;
  const x = input("x", "float32", [batch, width]);
  const targets = input("targets", "float32", [batch, classes]);
  const [w, b] = [input("weight", "float32", [classes, width]), input("bias", "float32", [classes])];
  const [dWeight, dBias] = backward(crossEntropy(linear(x, w, b), targets), [w, b]);
  const session = await runtime.compile(graph({ dWeight: dWeight!, dBias: dBias! }));
  const weight = zeroTensor([classes, width]);
  const bias = zeroTensor([classes]);
  const optimizer = adamw({ weightDecay: decay });
  const parameters = [
    { name: "weight", data: weight.data, rate },
    { name: "bias", data: bias.data, rate },
  ];
  const rng = Rng.at(seed, "pretraining", "teacher head");
  for (let step = 0; step < steps; step++) {
    const rows = new Float32Array(batch * width);
    const wanted = new Float32Array(batch * classes);
    for (let row = 0; row < batch; row++) {
      const index = rng.below(labels.length);
      rows.set(features.subarray(index * width, (index + 1) * width), row * width);
      wanted[row * classes + labels[index]!] = 1 / batch;
    }
    const results = await session.run({
      x: tensor("float32", [batch, width], rows),
      targets: tensor("float32", [batch, classes], wanted),
      weight,
      bias,
    });
    const gradients = { weight: float32Data(results.dWeight!), bias: float32Data(results.dBias!) };
    optimizer.step(parameters, gradients, 1 - step / steps);
  }
  await session.dispose();
  return { weight, bias, predict: (own) => probabilities(own, weight.data, bias.data) };
}

/** The teacher of a training set, from its features and the head. */
export function teacherView(features: Float32Array, width: number, head: TeacherHead): TeacherView {
  return {
    width,
    features,
    predict: (index) => head.predict(features.subarray(index * width, (index + 1) * width)),
  };
}

/** softmax(W x + b) */
function probabilities(x: Float32Array, weight: Float32Array, bias: Float32Array): Float32Array {
  const width = x.length;
  const scores = new Float32Array(bias.length);
  for (let row = 0; row < scores.length; row++) {
    let sum = bias[row]!;
    for (let k = 0; k < width; k++) sum += weight[row * width + k]! * x[k]!;
    scores[row] = sum;
  }
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  let total = 0;
  for (let row = 0; row < scores.length; row++) {
    scores[row] = Math.exp(scores[row]! - highest);
    total += scores[row]!;
  }
  for (let row = 0; row < scores.length; row++) scores[row]! /= total;
  return scores;
}
