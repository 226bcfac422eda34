/** @file "fm-lora/node": what needs Node: files, onnxruntime-node, sharp, whole runs. */

export { EXPORT_FORMATS, type ExportFormat } from "../export/work.ts";
export { type RunOptionsInput, runOptionsSchema } from "../run/options.ts";
export { type AdapterOptions, adapterFrom } from "./backbones/adapter.ts";
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
export { type DomainLayout, domainNeeds, openDomainLists } from "./benchmarks/domain-lists.ts";
export { openFolder } from "./benchmarks/folder.ts";
export { openParquet, type ParquetLayout } from "./benchmarks/parquet-dataset.ts";
export { mergeAdapter } from "./exports/adapter.ts";
export { type Exported, type ExportOptions, exportModel } from "./exports/export.ts";
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
export { classFolders } from "./learner/class-folders.ts";
export {
  type CreateLearnerOptions,
  createLearner,
  NodeLearner,
  type NodeLearnerOptions,
  type OpenLearnerOptions,
  openLearner,
} from "./learner/learner.ts";
export type { PretrainingOptionsInput } from "./pretraining/options.ts";
export {
  type PretrainingMetrics,
  type PretrainingRequest,
  runPretraining,
} from "./pretraining/pretrain.ts";
export { chartDocument } from "./runs/chart-document.ts";
export { type DiagnoseOptions, diagnoseRun } from "./runs/diagnose.ts";
export {
  type FeatureExtractor,
  featureExtractor,
  type Model,
  type ModelOptions,
  openModel,
} from "./runs/model.ts";
export { loadPlugins } from "./runs/plugins.ts";
export { REGISTRY } from "./runs/registry.ts";
export type { RunRequest } from "./runs/request.ts";
export { runBenchmark } from "./runs/run.ts";
export { nodeRuntime } from "./runtime/runtime.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server/index.ts";
export { loggersNamed, type TrackedRun, tracked } from "./trackers/index.ts";
