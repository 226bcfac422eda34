/** @file Learners on a small random network, and images that are easy to tell apart. */
import { afterEach } from "vitest";
import {
  createLearner,
  type ImageLearner,
  type LearnerChoice,
  type RawPixels,
} from "../../src/learner/index.ts";
import { sharpTransform } from "../../src/node/images/transform.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { patternImage } from "../../src/testing/patterns.ts";
import { tinyBackbone } from "../../src/testing/tiny-backbone.ts";

/** Where they compute. */
export const platform = {
  backbone: tinyBackbone(),
  runtime: nodeRuntime({ threads: 1 }),
  transform: sharpTransform,
  microBatch: 4,
};
/** Disposed after each test. */
export const open: ImageLearner[] = [];
afterEach(async () => {
  for (const learner of open.splice(0)) await learner.dispose();
});
/** A new one. */
export async function learnerWith(choice: LearnerChoice = { method: "lda" }): Promise<ImageLearner> {
  const learner = await createLearner({ ...platform, ...choice });
  open.push(learner);
  return learner;
}
/** A choice that trains. */
export const FM_LORA = { method: "fm-lora", options: { rank: 8 }, seed: 3 };

/** Images of one class. */
export const images = (label: number, count: number, { use = "train", domain = 0 } = {}): RawPixels[] =>
  Array.from({ length: count }, (_, number) => ({
    width: 32,
    height: 32,
    data: patternImage({ label, domain, number, use }),
  }));
/** Some classes by name, the same labels under the same names. */
export const classes = (labels: readonly number[], count: number, more = {}) =>
  Object.fromEntries(labels.map((label) => [`class ${label}`, images(label, count, more)]));
/** Four test images of each. */
export const test4 = (labels: readonly number[]) => classes(labels, 4, { use: "test" });
/** Its model's file. */
export const bytesOf = async (learner: ImageLearner): Promise<Buffer> =>
  Buffer.from((await learner.files()).model);
