/** @file "fm-lora/web": learners in browsers, in a worker of their own, with models kept in the browser. */

export {
  type BackboneSource,
  type FetchBackboneOptions,
  fetchBackbone,
  type WebDownload,
} from "./backbone.ts";
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
