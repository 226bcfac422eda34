/** @file "fm-lora": everything that runs in Node and in a browser. */

// Tensors, files of tensors, seeded randomness, the one error that a user is meant to read.

export { InputError } from "./tensor/errors.ts";
export { Rng } from "./tensor/rng.ts";
export { decodeSafetensors, encodeSafetensors } from "./tensor/safetensors.ts";
export { type DType, type Tensor, tensor, zeroTensor } from "./tensor/tensor.ts";

// The engine: graphs of operators, their gradients, ONNX bytes.

export { backward } from "./autodiff/backward.ts";
export { type Graph, graph } from "./graph/graph.ts";
export { emit, type Op } from "./graph/op.ts";
export { constant, input, scalar, type Value } from "./graph/value.ts";
export { encodeOnnx } from "./onnx/encode.ts";
export { graphText } from "./onnx/text.ts";
export * from "./ops/index.ts";
export type { Runtime, Session, Tensors } from "./runtime/runtime.ts";

// Networks and optimizers.

export { type Backbone, parseConfig } from "./nn/checkpoint.ts";
export { crossEntropy } from "./nn/loss.ts";
export { addLowRank, type LowRankFactors, project } from "./nn/low-rank.ts";
export {
  FLOAT32,
  type Float32Part,
  int8Precision,
  largestInt8Weight,
  type Precision,
} from "./nn/precision.ts";
export { readWeights } from "./nn/read-weights.ts";
export { type VitConfig, type VitHooks, vitFeatures } from "./nn/vit.ts";
export {
  type HeldMatrix,
  quantizedFeeds,
  quantizedMatrices,
  type Way,
  type Weights,
  weightFeeds,
  weightInputs,
} from "./nn/weights.ts";
export { adamw, type Optimizer, type Parameter, sgd } from "./optim/optimizer.ts";

// Data: images, tasks, batches.

export { AUGMENTATIONS } from "./data/augmentation.ts";
export { type CifarFile, cifarClassNames, cifarDataset } from "./data/cifar.ts";
export { classOrder } from "./data/class-order.ts";
export type {
  Augmentation,
  Batch,
  Dataset,
  ImageTransform,
  Preprocessing,
  Sample,
  StoredImage,
} from "./data/dataset.ts";
export { batches } from "./data/loader.ts";
export { classIncremental, domainIncremental, type Task, type TaskStream } from "./data/stream.ts";

// Methods, the task loop, what a run tells.

export * from "./methods/index.ts";
export type { LogEntry, LoggedRun, OpenLogger, RunEnd, RunLogger, Scalar } from "./run/logger.ts";
export type { Checkpoint } from "./train/checkpoint.ts";
export type { EventSink, RunEvent } from "./train/events.ts";
export { jointStream } from "./train/joint.ts";
export { type RunIdentity, runMetrics } from "./train/metrics.ts";
export type { EvaluationPlan, TrainingOptions } from "./train/options.ts";
export type { RunRecord } from "./train/record.ts";
export { type RunOptions, type RunOutput, runStream } from "./train/run.ts";

// Metrics and reports.

export { accuracyMatrix, summarize } from "./metrics/accuracy-matrix.ts";
export { anytimeCurve } from "./metrics/anytime.ts";
export { pairedDifference, spread } from "./metrics/paired.ts";
export type { ReadoutMetrics, RunMetrics } from "./metrics/run-metrics.ts";
export { comparisonTable } from "./report/comparison.ts";
export { reportHtml } from "./report/html.ts";
export { runTable } from "./report/table.ts";
