/** @file "fm-lora": everything that runs in Node and in a browser. */

// Tensors, files of tensors, seeded randomness, the one error that a user is meant to read.

export { InputError, optionText } from "./tensor/errors.ts";
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
export {
  type CompileOptions,
  DEVICES,
  type Device,
  type Runtime,
  type Session,
  type Tensors,
} from "./runtime/runtime.ts";
export { serialized } from "./runtime/serialized.ts";

// Networks and optimizers.

export { attentionHalf, mlpHalf, runBlock } from "./nn/blocks.ts";
export { type Bottleneck, bottleneck } from "./nn/bottleneck.ts";
export { type Backbone, parseConfig } from "./nn/checkpoint.ts";
export { cosineLogits, cosines, l2Normalize } from "./nn/cosine.ts";
export { embed } from "./nn/embedding.ts";
export { crossEntropy } from "./nn/loss.ts";
export { addLowRank, type LowRankFactors, project } from "./nn/low-rank.ts";
export type { LowRankUpdate, LowRankUpdates } from "./nn/low-rank-update.ts";
export { pool } from "./nn/pooling.ts";
export {
  FLOAT32,
  type Float32Part,
  int8Precision,
  largestInt8Weight,
  type Precision,
} from "./nn/precision.ts";
export { readWeights } from "./nn/read-weights.ts";
export { clsOf, meanOf, type TokenKind, type Tokens, tokensFrom, tokensOf } from "./nn/tokens.ts";
export { type BlockRange, featuresFrom, runBlocks, type VitConfig, vitFeatures } from "./nn/vit.ts";
export type { Half, Prefix, VitHooks } from "./nn/vit-hooks.ts";
export {
  type HeldMatrix,
  quantizedFeeds,
  quantizedMatrices,
  type Way,
  type Weights,
  weightFeeds,
  weightInputs,
  withOwnWeights,
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
  Images,
  ImageTransform,
  LabeledFeatures,
  Preprocessing,
  Sample,
  StoredImage,
} from "./data/dataset.ts";
export { batches } from "./data/loader.ts";
export { classIncremental, domainIncremental, type Task, type TaskStream } from "./data/stream.ts";

// What is added to a network, and what runs it.

export type { Adaptation, Merging, Watch } from "./network/adaptation.ts";
export {
  AdaptedNetwork,
  type Gradients,
  type Observation,
} from "./network/adapted-network.ts";
export type { NetworkContext } from "./network/context.ts";
export { featurePass, observePass, type PassResult } from "./network/feature-pass.ts";
export type { GraphParts } from "./network/graph-parts.ts";
export { type LowRankOptions, lowRank } from "./network/low-rank.ts";
export type { MicroBatch } from "./network/micro-batches.ts";
export { type LocalClasses, localCrossEntropy, type Objective } from "./network/objective.ts";
export { ownWeights } from "./network/own-weights.ts";
export type { ParameterInputs } from "./network/parameter-inputs.ts";
export { promptTokens } from "./network/prompt-tokens.ts";
export type { ServedNetwork, StayingPart } from "./network/served-network.ts";

// Heads classify features; drift maps move what they keep.

export { ClassStatistics, type MeanRows } from "./heads/class-statistics.ts";
export {
  HeadSet,
  type HeadSetOptions,
  headSetOptions,
  type Scores,
  type Temperatures,
} from "./heads/head-set.ts";
export * from "./heads/index.ts";
export { type LinearClassifier, linearScores, unitRows } from "./heads/linear-classifier.ts";

// Methods, what they are made of, the task loop, what a run tells.

export * from "./methods/index.ts";
export { AdapterLearner, adapterTraits, type OpenTask } from "./methods/parts/adapter-learner.ts";
export { initialBases } from "./methods/parts/low-rank-bases.ts";
export { type Recipe, recipeOptions } from "./methods/parts/recipe.ts";
export { adaptedSites, siteOptions } from "./methods/parts/sites.ts";
export {
  atRate,
  gradientNames,
  type Reparameterization,
  TaskTraining,
  type TaskTrainingOptions,
  type Trained,
} from "./methods/parts/task-training.ts";
export { rowCapacity, TrainedRows } from "./methods/parts/trained-rows.ts";
export { chosenHeads, type HeadChoice } from "./run/heads.ts";
export type { LogEntry, LoggedRun, OpenLogger, RunEnd, RunLogger, Scalar } from "./run/logger.ts";
export type { Checkpoint } from "./train/checkpoint.ts";
export type { EventSink, RunEvent } from "./train/events.ts";
export { jointStream } from "./train/joint.ts";
export { type RunIdentity, runMetrics } from "./train/metrics.ts";
export { type Answer, ContinualModel, type ModelChoice } from "./train/model.ts";
export type { EvaluationPlan, TrainingOptions } from "./train/options.ts";
export type { RunRecord } from "./train/record.ts";
export { type RunOptions, type RunOutput, runStream } from "./train/run.ts";

// Benchmarks, and what plugins add.

export {
  type Benchmark,
  type BenchmarkDefinition,
  type BenchmarkSource,
  defineBenchmark,
  type HubSource,
  type OpenOptions,
  type OpenRequest,
} from "./run/benchmark.ts";
export type { Plugin } from "./run/plugin.ts";
export { byName, type Registry, withPlugins } from "./run/registry.ts";

// Learners for products: classes from images, answers, and a file that keeps them.

export * from "./learner/index.ts";

// Metrics and reports.

export { accuracyMatrix, summarize } from "./metrics/accuracy-matrix.ts";
export { anytimeCurve } from "./metrics/anytime.ts";
export { pairedDifference, spread } from "./metrics/paired.ts";
export type { ReadoutMetrics, RunMetrics } from "./metrics/run-metrics.ts";
export { type Comparison, compareRuns } from "./report/comparison/compare.ts";
export { comparisonCsv } from "./report/comparison/csv.ts";
export { comparisonHtml } from "./report/comparison/html.ts";
export type { ComparedRun } from "./report/comparison/run.ts";
export { comparisonText } from "./report/comparison/text.ts";
export type { ChartDocument } from "./report/document.ts";
export { reportHtml } from "./report/html.ts";
export { runTable } from "./report/table.ts";
