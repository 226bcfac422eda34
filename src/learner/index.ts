/** @file Learners for products, from what every platform has. */
import { HEADS } from "../heads/index.ts";
import { METHODS } from "../methods/index.ts";
import type { Registry } from "../run/registry.ts";
import { ImageLearner } from "./learner.ts";
import { type LearnerChoice, type LearnerPlatform, newParts, type PartsPlatform, partsOf } from "./parts.ts";

export { type ClassProbability, type Prediction, UNKNOWN } from "./answers.ts";
export type { LabeledImages } from "./examples.ts";
export type { BlobLike, LearnerImage, NamedImage, RawPixels } from "./images.ts";
export type { LearnerInfo, TaskInfo } from "./info.ts";
export type { LearnOptions, LearnRequest, LearnResult } from "./learn.ts";
export { type Evaluation, ImageLearner, type PredictOptions } from "./learner.ts";
export type { LearnerChoice, LearnerPlatform } from "./parts.ts";
export type { LearnerProgress } from "./session.ts";

const COMES_ALONG: Registry = { methods: METHODS, heads: HEADS, benchmarks: [], plugins: [] };

const settled = (platform: LearnerPlatform): PartsPlatform => ({
  ...platform,
  registry: platform.registry ?? COMES_ALONG,
});

/** A learner that knows nothing yet. @throws InputError for a name or a value that can't be */
export async function createLearner(options: LearnerPlatform & LearnerChoice): Promise<ImageLearner> {
  return new ImageLearner(await newParts(settled(options), options));
}

/** A learner that goes on from a model's file, a learner's or a run's. @throws InputError if it can't */
export async function restoreLearner(
  model: Uint8Array,
  options: LearnerPlatform & { readonly previous?: Uint8Array | undefined },
): Promise<ImageLearner> {
  return new ImageLearner(await partsOf(settled(options), model, { previous: options.previous }));
}
