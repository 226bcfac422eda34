/** @file How one task is learned: what a run's loop and a learner that meets tasks as they come have in common. */
import type { Batch, Images } from "../data/dataset.ts";
import { scrambled } from "../heads/drift/scrambled.ts";
import { DRIFT_VIEWS } from "../methods/figures.ts";
import type { TaskData, Training } from "../methods/method.ts";
import { featurePass } from "../network/feature-pass.ts";
import { Rng } from "../tensor/rng.ts";
import type { ContinualModel } from "./model.ts";
import { NO_TRACE, type Trace } from "./tracer.ts";

/** What a model learns, and who trains it. */
export interface TaskLearning {
  readonly model: ContinualModel;
  readonly data: TaskData;
  /** All images that passes will come back to, in an order that nothing changes. */
  readonly views?: () => AsyncIterable<Images>;
  /** Hears where the time goes. */
  readonly trace?: Trace;
  /** Takes all of the training's steps; there is no training where the task trains nothing. */
  train(training: Training | undefined): Promise<void>;
}

/** Begins a task, has it trained, folds it into the network, and takes it into the heads. */
export async function learnTask({
  model,
  data,
  views,
  trace = NO_TRACE,
  train,
}: TaskLearning): Promise<void> {
  const { activations } = model;
  activations?.open(views);
  try {
    await learned({ model, data, trace, train });
  } finally {
    activations?.close();
  }
}

async function learned({ model, data, trace, train }: Required<Omit<TaskLearning, "views">>): Promise<void> {
  const { learner, heads } = model;
  const features = (phase: string) => featurePass(data.pass(phase), (images) => learner.features(images));
  const { training, before, views } = await trace.time("begin task", async () => {
    const begun = await learner.begin(data);
    if (begun.training === undefined) return { ...begun, views: [] };
    // While a task trains, features are those of the model before it.
    const passes = begun.before === undefined && heads.drifts;
    const own = passes ? await features("features before") : begun.before;
    const seen = await scrambledFeatures(model, data, "before");
    if (seen.length > 0) data.report([{ kind: "number", name: DRIFT_VIEWS, value: seen.length }]);
    return { ...begun, before: own, views: seen };
  });
  await train(training);
  await trace.time("end task", async () => {
    const after = await learner.end(data);
    if (!heads.remembers) return;
    const own = after ?? (await features("class statistics"));
    const moved = views.length === 0 ? [] : await scrambledFeatures(model, data, "after");
    model.update(
      own,
      before,
      views.map((each, view) => ({ before: each, after: moved[view]! })),
    );
  });
}

/** Features of the views of a task's images that the heads' drift map wants, the same views every time. [n, width] each */
async function scrambledFeatures(
  model: ContinualModel,
  data: TaskData,
  when: "before" | "after",
): Promise<Float32Array[]> {
  const { learner, heads } = model;
  const passes: Float32Array[] = [];
  const views = heads.driftViews(data.trainImages);
  for (let view = 0; view < views; view++) {
    const rng = Rng.at("drift", data.index, view);
    const pass = () =>
      featurePass(data.pass(`view ${view + 1} ${when}`), (images) =>
        learner.features(scrambled(images, rng)),
      );
    const { features } = await model.aside(pass);
    passes.push(features);
  }
  return passes;
}

/** Where an epoch stands in its task, and how large it is. */
export interface EpochPosition {
  readonly epoch: number;
  readonly epochs: number;
  /** Steps of every epoch. */
  readonly steps: number;
}

/** One training step that was taken. */
export interface StepTaken {
  /** From 1. */
  readonly step: number;
  /** Mean of the batch. */
  readonly loss: number;
  readonly images: number;
}

/** Takes a step for every batch of an epoch. */
export async function* epochSteps(
  training: Training,
  { epoch, epochs, steps }: EpochPosition,
  batches: AsyncIterable<Batch>,
): AsyncGenerator<StepTaken, void, undefined> {
  let step = 0;
  for await (const batch of batches) {
    const progress = (epoch * steps + step) / (epochs * steps);
    const loss = await training.step(batch, { epoch, step, progress });
    step++;
    yield { step, loss, images: batch.count };
  }
}
