/** @file How one task is learned: what a run's loop and a learner that meets tasks as they come have in common. */
import type { Batch, Images } from "../data/dataset.ts";
import type { TaskData, Training } from "../methods/method.ts";
import { featurePass } from "../network/feature-pass.ts";
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
  const { training, before } = await trace.time("begin task", async () => {
    const begun = await learner.begin(data);
    // While a task trains, features are those of the model before it.
    const passes = begun.training !== undefined && begun.before === undefined && heads.drifts;
    return passes ? { ...begun, before: await features("features before") } : begun;
  });
  await train(training);
  await trace.time("end task", async () => {
    const after = await learner.end(data);
    if (heads.remembers) model.update(after ?? (await features("class statistics")), before);
  });
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
