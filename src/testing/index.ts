/** @file "fm-lora/testing": what every method, head and runtime must do, as checks for any test runner. */
export { type CheckHeadOptions, checkHead, headChecks } from "./check-head.ts";
export { type CheckMethodOptions, checkMethod, methodChecks } from "./check-method.ts";
export { checkRuntime, runtimeChecks } from "./check-runtime.ts";
export { type Check, CheckError, runChecks } from "./checks.ts";
export {
  type PatternShape,
  patternDataset,
  patternImage,
  rawTransform,
  streamOf,
} from "./patterns.ts";
export { type TinyShape, tinyBackbone } from "./tiny-backbone.ts";
export {
  type TrainedMethod,
  type TrainMethodOptions,
  testContext,
  trainMethod,
  untrainedModel,
} from "./train-method.ts";
