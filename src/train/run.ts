/** @file The task loop: trains a learner on a stream, task by task, and can be stopped and resumed anywhere. */
import { drawPass } from "../data/augmentation.ts";
import type { Batch, ImageTransform, Sample, View } from "../data/dataset.ts";
import { batches, type ImageCache, type PlacedBatch, type UnreadablePolicy } from "../data/loader.ts";
import type { Task, TaskStream } from "../data/stream.ts";
import type { Learner, MethodContext, MethodReport, TaskData } from "../methods/method.ts";
import { InputError } from "../tensor/errors.ts";
import { Rng } from "../tensor/rng.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EventSink, RunEvent } from "./events.ts";
import { Measurements } from "./measurements.ts";
import { DEFAULT_EVALUATION, type EvaluationPlan, type TrainingOptions } from "./options.ts";
import { copyRecord, emptyRecord, type RunRecord } from "./record.ts";
import { NO_TRACE, type Trace } from "./tracer.ts";

/** Where results go. */
export interface RunOutput {
  /** The log. Of a fresh run it must begin with one `run-start`, told by the caller: checkpoints count it. */
  readonly event: EventSink;
  /** The model after a task; written whole or not at all. */
  saveModel(state: Readonly<Record<string, Tensor>>, tasksDone: number): Promise<void>;
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
}

/** Everything a run needs. */
export interface RunOptions {
  readonly stream: TaskStream;
  readonly learner: Learner;
  readonly context: MethodContext;
  readonly training: TrainingOptions;
  /** Left out: `DEFAULT_EVALUATION`. */
  readonly evaluation?: EvaluationPlan | undefined;
  readonly transform: ImageTransform;
  /** Keeps prepared images for further passes and runs. */
  readonly cache?: ImageCache | undefined;
  readonly unreadable: "fail" | "skip";
  readonly output: RunOutput;
  /** Continue from here. */
  readonly resume?: Checkpoint | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears where the time goes. */
  readonly trace?: Trace | undefined;
}

/** Images decoded ahead of the network. */
const PREFETCH = 128;

/** Runs the stream to its end and returns what was counted. @throws if `signal` aborts: the last checkpoint stands. */
export async function runStream(options: RunOptions): Promise<RunRecord> {
  const run = new Run(options);
  try {
    return await run.toEnd();
  } finally {
    await options.learner.dispose();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #record: RunRecord;
  readonly #trace: Trace;
  readonly #measurements: Measurements;
  #events: number;
  #clock = performance.now();
  /** A resumed task begins again: the log has its events already. */
  #repeating = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#trace = options.trace ?? NO_TRACE;
    this.#events = options.resume?.events ?? 1; // the caller's `run-start`
    const { learner, stream, training } = options;
    this.#record = options.resume?.record ?? emptyRecord(learner.readouts);
    this.#measurements = new Measurements({
      stream,
      learner,
      evaluateOn: training.evaluateOn,
      plan: options.evaluation ?? DEFAULT_EVALUATION,
      record: this.#record,
      batches: (samples) => this.#batches(samples, { batchSize: 64 }),
      trace: this.#trace,
      tell: (event) => this.#tell(event),
      passing: (event) => options.output.event(event),
    });
  }

  async toEnd(): Promise<RunRecord> {
    const { resume, learner, stream, output } = this.#options;
    if (resume !== undefined) {
      await learner.load(resume.state);
      output.event({ type: "resume", task: resume.task, epoch: resume.epoch, tasks: stream.tasks.length });
    }
    for (const task of stream.tasks.slice(resume?.task ?? 0)) {
      await this.#task(task, task.index === resume?.task ? resume : undefined);
    }
    this.#tick();
    return this.#record;
  }

  async #task(task: Task, resume: Checkpoint | undefined): Promise<void> {
    const { learner, output, training, stream } = this.#options;
    const middle = resume !== undefined && resume.epoch > 0;
    const data = this.#taskData(task);
    const trains = learner.trains(data.classes);
    const epochs = !trains ? 0 : learner.untrained ? training.firstEpochs : training.epochs;
    if (!middle) {
      const testImages = this.#measurements.samples(task).length;
      this.#record.taskSeconds[task.index] = 0;
      this.#record.evaluationSeconds[task.index] = 0;
      this.#record.ranks[task.index] = {};
      this.#record.testImages[task.index] ??= testImages;
      this.#tell({
        type: "task-start",
        task: task.index,
        name: task.name,
        classNames: task.classes.map((position) => stream.classNames[position]!),
        trainImages: task.train.length,
        testImages,
        epochs,
      });
    }
    this.#repeating = middle;
    await this.#trace.time("begin task", () => learner.beginTask(data));
    this.#repeating = false;
    if (trains) {
      if (middle) learner.loadTraining(resume.training);
      this.#record.trainableParameters[task.index] = learner.trainableParameters;
      for (let epoch = middle ? resume.epoch : 0; epoch < epochs; epoch++) {
        await this.#trace.time("training", () => this.#epoch(task, epoch, epochs));
        await this.#checkpoint(task.index, epoch + 1, learner.trainingState());
      }
    } else {
      this.#record.trainableParameters[task.index] = 0;
      await this.#measurements.takeIn(task, task.train.length);
    }
    await this.#trace.time("end task", () => learner.endTask(data));
    await this.#trace.time("evaluation", () => this.#endTask(task));
    const state = learner.state();
    await this.#trace.time("model file", () => output.saveModel(state, task.index + 1)); // before the checkpoint: a kill in between repeats the task's end
    await this.#checkpoint(task.index + 1, 0, {});
  }

  async #epoch(task: Task, epoch: number, epochs: number): Promise<void> {
    const { learner, context, training } = this.#options;
    const { batchSize, augmentation } = training;
    const path = [context.seed, "task", task.index, "epoch", epoch] as const;
    const { order, views } = drawPass(Rng.at(...path), task.train.length, augmentation);
    const steps = Math.ceil(order.length / batchSize);
    const start = performance.now();
    const measuring = this.#measurements.seconds;
    const secondsSince = (): number =>
      (performance.now() - start) / 1000 - (this.#measurements.seconds - measuring);
    let step = 0;
    let images = 0;
    let lossSum = 0;
    for await (const batch of this.#batches(task.train, { batchSize, order, views })) {
      const loss = await learner.trainStep(batch, {
        epoch,
        step,
        progress: (epoch * steps + step) / (epochs * steps),
      });
      step++;
      images += batch.count;
      lossSum += loss * batch.count;
      const perSecond = images / secondsSince();
      this.#tell({
        type: "step",
        task: task.index,
        epoch,
        epochs,
        step,
        steps,
        loss,
        images: batch.count,
        imagesPerSecond: perSecond,
        secondsLeft: (order.length * (epochs - epoch) - images) / perSecond,
      });
      await this.#measurements.takeIn(task, batch.count);
    }
    checkReadable(task, images);
    const seconds = secondsSince();
    this.#record.trainedImages += images;
    this.#record.trainingSeconds += seconds;
    this.#tell({
      type: "epoch",
      task: task.index,
      epoch,
      loss: lossSum / images,
      seconds,
    });
  }

  async #endTask(task: Task): Promise<void> {
    const { index } = task;
    const record = this.#record;
    const measured = await this.#measurements.afterTask(task);
    record.stateBytes[index] = bytesOf(this.#options.learner.state());
    this.#tick(index);
    this.#tell({
      type: "task-end",
      task: index,
      ...measured,
      stateBytes: record.stateBytes[index]!,
      seconds: record.taskSeconds[index]!,
    });
  }

  #taskData(task: Task): TaskData {
    const labels = task.train.map(({ label }) => this.#options.stream.position[label]!);
    return {
      index: task.index,
      classes: [...new Set(labels)].sort((a, b) => a - b), // a domain may lack some of the stream's
      trainImages: task.train.length,
      pass: (phase) => this.#pass(task, phase),
      report: (report: MethodReport) => {
        if (report.ranks !== undefined) this.#record.ranks[task.index] = { ...report.ranks };
        this.#tell({ type: "method", task: task.index, ...report });
      },
    };
  }

  async *#pass(task: Task, phase: string): AsyncIterable<Batch> {
    let done = 0;
    for await (const batch of this.#batches(task.train, { batchSize: 64 })) {
      yield batch;
      done += batch.count;
      this.#options.output.event({
        type: "phase",
        task: task.index,
        name: phase,
        done,
        total: task.train.length,
      });
    }
    checkReadable(task, done);
  }

  #batches(
    samples: readonly Sample[],
    how: { batchSize: number; order?: readonly number[]; views?: readonly (View | null)[] },
  ): AsyncGenerator<PlacedBatch, void, undefined> {
    const { stream, transform, cache, context, signal, unreadable } = this.#options;
    const onSkip = (id: string, reason: string): void => {
      if (this.#record.skipped.includes(id)) return;
      this.#record.skipped.push(id);
      this.#tell({ type: "skipped-image", id, reason });
    };
    const policy: UnreadablePolicy =
      unreadable === "skip" ? { onUnreadable: "skip", onSkip } : { onUnreadable: "fail" };
    const loaded = batches({
      dataset: stream.dataset,
      samples,
      position: stream.position,
      transform,
      cache,
      preprocessing: context.backbone.preprocessing,
      prefetch: PREFETCH,
      signal,
      ...how,
      ...policy,
    });
    return this.#trace.waiting("waiting for images", loaded);
  }

  async #checkpoint(task: number, epoch: number, training: Readonly<Record<string, Tensor>>): Promise<void> {
    this.#tick(Math.min(task, this.#record.taskSeconds.length - 1));
    const { learner, output } = this.#options;
    const record = copyRecord(this.#record);
    await this.#trace.time("checkpoint", () =>
      output.saveCheckpoint({ task, epoch, record, events: this.#events, state: learner.state(), training }),
    );
  }

  /** An event that the log keeps; `phase` and `resume` are for the terminal only. */
  #tell(event: RunEvent): void {
    if (this.#repeating) return;
    this.#events++;
    this.#options.output.event(event);
  }

  /** Books the time since the last call. */
  #tick(task?: number): void {
    const now = performance.now();
    const seconds = (now - this.#clock) / 1000;
    this.#clock = now;
    this.#record.seconds += seconds;
    if (task !== undefined) this.#record.taskSeconds[task]! += seconds;
  }
}

/** With `unreadable: "skip"` every image of a task may be left out. */
function checkReadable({ name, train }: Task, images: number): void {
  if (images > 0) return;
  throw new InputError(`${name}: none of its ${train.length} training images can be read`);
}

function bytesOf(state: Readonly<Record<string, Tensor>>): number {
  return Object.values(state).reduce((sum, { data }) => sum + data.byteLength, 0);
}
