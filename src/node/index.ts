/** @file "fm-lora/node": what needs Node: files, onnxruntime-node, sharp, whole runs. */

export { type RunOptionsInput, runOptionsSchema } from "../run/options.ts";
export { type BackboneFacts, describeBackbone, loadBackbone } from "./backbones/backbone.ts";
export {
  type BringOptions,
  bringBackbone,
  type FindOptions,
  findBackbone,
  type LocalBackbone,
  localBackbones,
  SHIPPED_BACKBONES,
} from "./backbones/backbones.ts";
export {
  type Benchmark,
  type BenchmarkOption,
  type BenchmarkSource,
  benchmarkNamed,
  benchmarks,
  type HubSource,
  type OpenOptions,
} from "./benchmarks/index.ts";
export { encodeNpy, NpyWriter, writeNpy } from "./files/npy.ts";
export {
  type DownloadProgress,
  type FetchRequest,
  fetchRepoFile,
  type HubSettings,
  hubSettings,
  listRepoFiles,
  NoSuchFileError,
  NotCachedError,
  type RepoAt,
  type RepoFile,
} from "./hub/index.ts";
export { type ImagePool, imagePool } from "./images/pool.ts";
export { sharpTransform } from "./images/transform.ts";
export type { PretrainingOptionsInput } from "./pretraining/options.ts";
export {
  type PretrainingMetrics,
  type PretrainingRequest,
  runPretraining,
} from "./pretraining/pretrain.ts";
export {
  type FeatureExtractor,
  featureExtractor,
  type Model,
  type ModelOptions,
  openModel,
} from "./runs/model.ts";
export { type RunRequest, runBenchmark } from "./runs/run.ts";
export { nodeRuntime } from "./runtime/runtime.ts";
export { loggersNamed, type TrackedRun, tracked } from "./trackers/index.ts";
