/** @file The task loop: trains a learner on a stream, task by task, and can be stopped and resumed anywhere. */
import { AUGMENTATIONS, drawPass, type FixedViews, lastingViews, type Pass } from "../data/augmentation.ts";
import type { Images, ImageTransform } from "../data/dataset.ts";
import type { ImageCache } from "../data/loader.ts";
import type { Task, TaskStream } from "../data/stream.ts";
import type { Temperatures } from "../heads/head-set.ts";
import { type Figure, RANK } from "../methods/figures.ts";
import type { MethodContext, TaskData, Training } from "../methods/method.ts";
import { Rng } from "../tensor/rng.ts";
import { bytesOf, type Tensor } from "../tensor/tensor.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { EventSink, RunEvent } from "./events.ts";
import { epochSteps, learnTask } from "./learn-task.ts";
import { Measurements } from "./measurements.ts";
import type { ContinualModel } from "./model.ts";
import { DEFAULT_EVALUATION, type EvaluationPlan, type TrainingOptions } from "./options.ts";
import { copyRecord, emptyRecord, type RunRecord } from "./record.ts";
import { checkReadable, TaskImages } from "./task-images.ts";
import { NO_TRACE, type Trace } from "./tracer.ts";

/** Where results go. */
export interface RunOutput {
  /** The log. Of a fresh run it must begin with one `run-start`, told by the caller: checkpoints count it. */
  readonly event: EventSink;
  /** The model after a task, with the temperature of its first head, if that has one; written whole or not at all. */
  saveModel(
    state: Readonly<Record<string, Tensor>>,
    tasksDone: number,
    temperatures: Temperatures,
  ): Promise<void>;
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
}

/** Everything a run needs. */
export interface RunOptions {
  readonly stream: TaskStream;
  readonly model: ContinualModel;
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

/** Runs the stream to its end and returns what was counted. @throws if `signal` aborts: the last checkpoint stands. */
export async function runStream(options: RunOptions): Promise<RunRecord> {
  const run = new Run(options);
  try {
    return await run.toEnd();
  } finally {
    await options.model.dispose();
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #record: RunRecord;
  readonly #trace: Trace;
  readonly #images: TaskImages;
  readonly #measurements: Measurements;
  #events: number;
  #clock = performance.now();
  /** A resumed task begins again: the log has its events already. */
  #repeating = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#trace = options.trace ?? NO_TRACE;
    this.#events = options.resume?.events ?? 1; // the caller's `run-start`
    const { model, stream, training } = options;
    this.#record = options.resume?.record ?? emptyRecord(model.heads.names);
    const { transform, cache, unreadable, signal, context, output } = options;
    this.#images = new TaskImages({
      stream,
      preprocessing: context.backbone.preprocessing,
      transform,
      cache,
      unreadable,
      signal,
      trace: this.#trace,
      skipped: this.#record.skipped,
      tell: (event) => this.#tell(event),
      passing: (event) => output.event(event),
    });
    this.#measurements = new Measurements({
      stream,
      model,
      evaluateOn: training.evaluateOn,
      plan: options.evaluation ?? DEFAULT_EVALUATION,
      record: this.#record,
      batches: (samples) => this.#images.batches(samples),
      trace: this.#trace,
      tell: (event) => this.#tell(event),
      passing: (event) => output.event(event),
    });
  }

  async toEnd(): Promise<RunRecord> {
    const { resume, model, stream, output } = this.#options;
    if (resume !== undefined) {
      await model.load(resume.state);
      if (resume.task > 0) await this.#saveModel(resume.task); // whatever has become of that file since
      output.event({ type: "resume", task: resume.task, epoch: resume.epoch, tasks: stream.tasks.length });
    }
    for (const task of stream.tasks.slice(resume?.task ?? 0)) {
      await this.#task(task, task.index === resume?.task ? resume : undefined);
    }
    this.#tick();
    return this.#record;
  }

  async #task(task: Task, resume: Checkpoint | undefined): Promise<void> {
    const { model, training, stream } = this.#options;
    const { learner } = model;
    const middle = resume !== undefined && resume.epoch > 0;
    const data = this.#taskData(task);
    const plan = learner.plan(data.classes);
    const epochs = plan === "none" ? 0 : plan === "first" ? training.firstEpochs : training.epochs;
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
      const reason = plan === "none" ? learner.untrainable?.(data.classes) : undefined;
      if (reason !== undefined) {
        this.#record.untrainedTasks.push(task.index);
        this.#tell({ type: "untrained-task", task: task.index, reason });
      }
    }
    this.#repeating = middle;
    const train = async (open: Training | undefined): Promise<void> => {
      this.#repeating = false;
      this.#record.trainableParameters[task.index] = open?.size ?? 0;
      if (open === undefined) {
        await this.#measurements.takeIn(task, task.train.length);
        return;
      }
      if (middle) open.load(resume.training);
      for (let epoch = middle ? resume.epoch : 0; epoch < epochs; epoch++) {
        await this.#trace.time("training", () => this.#epoch(task, open, epoch, epochs));
        await this.#checkpoint(task.index, epoch + 1, open.state());
      }
    };
    const views = (): AsyncIterable<Images> => this.#images.lasting(task, this.#passes(task, epochs > 0));
    await learnTask({ model, data, views, trace: this.#trace, train });
    await this.#trace.time("evaluation", () => this.#endTask(task));
    await this.#saveModel(task.index + 1); // before the checkpoint: a kill in between repeats the task's end
    await this.#checkpoint(task.index + 1, 0, {});
  }

  async #epoch(task: Task, open: Training, epoch: number, epochs: number): Promise<void> {
    const { context, training } = this.#options;
    const { batchSize, augmentation } = training;
    const drawn = Rng.at(context.seed, "task", task.index, "epoch", epoch);
    const { order, views } = drawPass(drawn, task.train.length, augmentation, this.#fixedViews(task));
    const steps = Math.ceil(order.length / batchSize);
    const start = performance.now();
    const measuring = this.#measurements.seconds;
    const secondsSince = (): number =>
      (performance.now() - start) / 1000 - (this.#measurements.seconds - measuring);
    let images = 0;
    let lossSum = 0;
    const batches = this.#images.batches(task.train, { batchSize, order, views });
    for await (const taken of epochSteps(open, { epoch, epochs, steps }, batches)) {
      const { step, loss } = taken;
      images += taken.images;
      lossSum += loss * taken.images;
      const perSecond = images / secondsSince();
      this.#tell({
        type: "step",
        task: task.index,
        epoch,
        epochs,
        step,
        steps,
        loss,
        images: taken.images,
        imagesPerSecond: perSecond,
        secondsLeft: (order.length * (epochs - epoch) - images) / perSecond,
      });
      await this.#measurements.takeIn(task, taken.images);
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

  #fixedViews({ index }: Task): FixedViews | undefined {
    const { context, training } = this.#options;
    const { fixedViews: count } = training;
    const of = (sample: number): Rng => Rng.at(context.seed, "task", index, "views", sample);
    return count === undefined ? undefined : { count, of };
  }

  /** The views that a task's passes will come back to. */
  #passes(task: Task, trains: boolean): Pass {
    const { augmentation } = this.#options.training;
    const { length } = task.train;
    if (!trains) return lastingViews(length, AUGMENTATIONS.none);
    return lastingViews(length, augmentation, this.#fixedViews(task));
  }

  async #endTask(task: Task): Promise<void> {
    const { index } = task;
    const record = this.#record;
    const measured = await this.#measurements.afterTask(task);
    const { learner, heads } = this.#options.model;
    const own = bytesOf(learner.state());
    record.stateBytes[index] = own + bytesOf(heads.tensors());
    for (const [head, bytes] of Object.entries(record.readoutBytes))
      bytes[index] = own + bytesOf(heads.tensorsOf(head));
    this.#tick(index);
    this.#tell({
      type: "task-end",
      task: index,
      ...measured,
      stateBytes: record.stateBytes[index]!,
      seconds: record.taskSeconds[index]!,
    });
  }

  async #saveModel(tasksDone: number): Promise<void> {
    const { model, output } = this.#options;
    await this.#trace.time("model file", () =>
      output.saveModel(model.state(), tasksDone, model.heads.temperatures),
    );
  }

  #taskData(task: Task): TaskData {
    const labels = task.train.map(({ label }) => this.#options.stream.position[label]!);
    return {
      index: task.index,
      classes: [...new Set(labels)].sort((a, b) => a - b), // a domain may lack some of the stream's
      trainImages: task.train.length,
      pass: (phase) => this.#images.pass(task, phase),
      report: (figures) => {
        const ranks = figures.flatMap((figure) => (isRanks(figure) ? [figure.values] : [])).at(-1);
        if (ranks !== undefined) this.#record.ranks[task.index] = { ...ranks };
        this.#tell({ type: "method", task: task.index, figures });
      },
    };
  }

  async #checkpoint(task: number, epoch: number, training: Readonly<Record<string, Tensor>>): Promise<void> {
    this.#tick(Math.min(task, this.#record.taskSeconds.length - 1));
    const { model, output } = this.#options;
    const record = copyRecord(this.#record);
    await this.#trace.time("checkpoint", () =>
      output.saveCheckpoint({ task, epoch, record, events: this.#events, state: model.state(), training }),
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

const isRanks = (figure: Figure): figure is Extract<Figure, { kind: "layers" }> =>
  figure.kind === "layers" && figure.name === RANK;
