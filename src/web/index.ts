/** @file "fm-lora/web": learners in browsers, in a worker of their own, with models kept in the browser. */

export type { ExportChoice, ExportFormat } from "../export/work.ts";
export {
  type BackboneSource,
  type BackboneUrl,
  type FetchBackboneOptions,
  fetchBackbone,
} from "./backbone.ts";
export type { WebDownload } from "./cached-files.ts";
export type { WebExport } from "./export.ts";
export type { HubBackbone } from "./hub-files.ts";
export { canvasTransform } from "./images.ts";
export {
  type CreateLearnerOptions,
  createLearner,
  type OpenLearnerOptions,
  openLearner,
  type StartOptions,
  WebLearner,
} from "./learner.ts";
export { modelNames, removeModel } from "./models.ts";
export { type WebRuntimeOptions, webRuntime } from "./runtime.ts";
