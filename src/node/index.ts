/** @file "fm-lora/node": what needs Node: files, onnxruntime-node, sharp, whole runs. */
export { type BackboneFacts, describeBackbone, loadBackbone } from "./backbone.ts";
export {
  type BringOptions,
  bringBackbone,
  type FindOptions,
  findBackbone,
  type LocalBackbone,
  localBackbones,
  SHIPPED_BACKBONES,
} from "./backbones.ts";
export {
  type Benchmark,
  type BenchmarkOption,
  type BenchmarkSource,
  benchmarkNamed,
  benchmarks,
  type HubSource,
  type OpenOptions,
} from "./datasets/index.ts";
export {
  type DownloadProgress,
  type FetchRequest,
  fetchRepoFile,
  type HubSettings,
  hubSettings,
  listRepoFiles,
  NoSuchFile,
  NotCached,
  type RepoAt,
  type RepoFile,
} from "./hub/index.ts";
export { sharpTransform } from "./image.ts";
export { type ImagePool, imagePool } from "./image-pool.ts";
export {
  type FeatureExtractor,
  featureExtractor,
  type Model,
  type ModelOptions,
  openModel,
} from "./model.ts";
export { encodeNpy, NpyWriter, writeNpy } from "./npy.ts";
export type { PretrainingOptionsInput } from "./pretraining/options.ts";
export {
  type PretrainingMetrics,
  type PretrainingRequest,
  runPretraining,
} from "./pretraining/pretrain.ts";
export { type RunOptionsInput, type RunRequest, runBenchmark, runOptionsSchema } from "./run.ts";
export { nodeRuntime } from "./runtime.ts";
