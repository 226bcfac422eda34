/** @file A method's learner by itself: tasks by hand, steps that are easy to compute, and how often the network runs. */
import type { Batch, Images } from "../../src/data/dataset.ts";
import type { Learner, TaskData, Training } from "../../src/methods/index.ts";
import type { Optimization } from "../../src/optim/index.ts";
import { sgd } from "../../src/optim/optimizer.ts";
import { constantRate } from "../../src/optim/schedule.ts";
import { patternImage } from "../../src/testing/index.ts";
import { recording } from "./recording-runtime.ts";
import { methodOf, oneThread, type RunChanges, testContext } from "./run-method.ts";

/** SGD without momentum at a constant rate: w ← w − rate g. */
const PLAIN_STEPS: Optimization = { optimizer: () => sgd({ momentum: 0 }), schedule: constantRate };

/** A learner whose steps are plain. */
export const learnerOf = (
  name: string,
  { options = {}, tasks = 4, ...changes }: RunChanges & { readonly tasks?: number } = {},
): Learner => {
  const method = methodOf(name);
  const context = { ...testContext(changes), optimization: PLAIN_STEPS, tasks };
  return method.create(context, method.options.parse(options) as never);
};

/** One image a label. */
export function patternBatch(labels: readonly number[], use = "one task"): Batch {
  const images = labels.map((label, number) => patternImage({ label, domain: 0, number, use }));
  return {
    images: new Uint8Array(Buffer.concat(images)),
    labels: Int32Array.from(labels),
    count: labels.length,
  };
}

/** A task whose only training batch this is. */
export const taskOf = (batch: Batch, index = 0): TaskData => ({
  index,
  classes: [...new Set(batch.labels)].sort((a, b) => a - b),
  trainImages: batch.count,
  async *pass() {
    yield batch;
  },
  report: () => {},
});

/** Steps on one batch, and the training as it is after them, before the task ends. */
export async function steps(learner: Learner, batch: Batch, count: number, index = 0): Promise<Training> {
  const { training } = await learner.begin(taskOf(batch, index));
  for (let step = 0; step < count; step++) {
    await training!.step(batch, { epoch: 0, step, progress: step / count });
  }
  return training!;
}

/** Learns one task in some steps. */
export async function learn(learner: Learner, batch: Batch, count = 2, index = 0): Promise<Training> {
  const training = await steps(learner, batch, count, index);
  await learner.end(taskOf(batch, index));
  return training;
}

/** How many forward passes the features of one image take, after some tasks of two classes. */
export async function forwardPasses(name: string, tasks: number, changes: RunChanges = {}): Promise<number> {
  const seen = recording(oneThread);
  const learner = learnerOf(name, { runtime: seen.runtime, ...changes });
  for (let task = 0; task < tasks; task++) {
    await learn(learner, patternBatch([2 * task, 2 * task + 1, 2 * task]), 1, task);
  }
  const before = seen.features.length;
  const image: Images = patternBatch([0], "seen for the first time"); // nothing about it is remembered
  await learner.features(image);
  await learner.dispose();
  return seen.features.length - before;
}
