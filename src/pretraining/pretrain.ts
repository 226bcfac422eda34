/** @file The loop of a pre-training: can be stopped and resumed at any step. */
import type { Pass } from "../data/augmentation.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  bestAccuracy,
  emptyPretrainingRecord,
  type PretrainingCheckpoint,
  type PretrainingRecord,
} from "./checkpoint.ts";
import type { PretrainingData } from "./data.ts";
import type { PretrainingEvent } from "./events.ts";
import { type PretrainingPlan, passOf, rateAt, stepsPerEpoch } from "./plan.ts";
import type { StepResult, Student } from "./student.ts";

/** Steps between two `step` events. */
const REPORTED_STEPS = 10;

/** Where results go. */
export interface PretrainingOutput {
  readonly event: (event: PretrainingEvent) => void;
  saveCheckpoint(checkpoint: PretrainingCheckpoint): Promise<void>;
  /** The network so far; written whole or not at all. */
  saveModel(parameters: Readonly<Record<string, Tensor<"float32">>>): Promise<void>;
}

/** Everything a pre-training needs. */
export interface PretrainingOptions {
  readonly student: Student;
  readonly data: PretrainingData;
  readonly plan: PretrainingPlan;
  readonly output: PretrainingOutput;
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  /** Stop cleanly after so many seconds. */
  readonly limitSeconds?: number | undefined;
  /** Of the `pretraining-start` event; told when there is no `resume`. */
  readonly start: Extract<PretrainingEvent, { type: "pretraining-start" }>;
  readonly resume?: PretrainingCheckpoint | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a pre-training ended. */
export interface PretrainingResult {
  /** False if `limitSeconds` or `signal` ended it: the checkpoint is where it stands. */
  readonly finished: boolean;
  readonly record: PretrainingRecord;
}

/** Trains until the end of the plan, the time limit or the signal; what was done so far is saved in each case. */
export async function pretrain(options: PretrainingOptions): Promise<PretrainingResult> {
  return new Pretraining(options).run();
}

class Pretraining {
  readonly #options: PretrainingOptions;
  readonly #record: PretrainingRecord;
  readonly #perEpoch: number;
  readonly #steps: number;
  #step: number;
  #events: number;
  #clock = performance.now();

  constructor(options: PretrainingOptions) {
    const { plan, data, resume } = options;
    this.#options = options;
    this.#perEpoch = stepsPerEpoch(plan, data.train.count);
    this.#steps = plan.epochs * this.#perEpoch;
    this.#record = resume === undefined ? emptyPretrainingRecord() : structuredCopy(resume.record);
    this.#step = resume?.step ?? 0;
    if (this.#step > this.#steps) {
      throw new InputError(
        `${optionText("epochs", plan.epochs)}: the training has done ${this.#step} steps of ${this.#perEpoch} an epoch already; choose more`,
      );
    }
    this.#events = resume?.events ?? 0;
  }

  async run(): Promise<PretrainingResult> {
    const { student, resume, start, limitSeconds, checkpointSeconds } = this.#options;
    if (resume === undefined) this.#tell(start);
    else {
      student.load(resume.state);
      this.#options.output.event({ type: "resume", step: this.#step, steps: this.#steps });
    }
    const began = performance.now();
    let saved = began;
    const recent = new Recent();
    let pass: Pass | undefined;
    while (this.#step < this.#steps) {
      const now = performance.now();
      const stopped =
        this.#options.signal?.aborted === true ||
        (limitSeconds !== undefined && now - began > 1000 * limitSeconds);
      if (stopped || now - saved > 1000 * checkpointSeconds) {
        await this.#save();
        saved = performance.now();
      }
      if (stopped) return { finished: false, record: this.#record };
      if (pass === undefined || this.#step % this.#perEpoch === 0) pass = this.#pass();
      recent.add(await this.#oneStep(pass));
      if (this.#step % REPORTED_STEPS === 0) this.#report(recent);
      if (this.#step % this.#perEpoch === 0) {
        await this.#endEpoch();
        saved = performance.now();
        recent.restart();
      }
    }
    return { finished: true, record: this.#record };
  }

  #pass(): Pass {
    const { plan, data } = this.#options;
    return passOf(plan, Math.floor(this.#step / this.#perEpoch), data.train.count);
  }

  async #oneStep({ order, views }: Pass): Promise<StepResult> {
    const { student, data, plan } = this.#options;
    const start = (this.#step % this.#perEpoch) * plan.batchSize;
    const batch = order
      .slice(start, start + plan.batchSize)
      .map((index, i) => ({ index, view: views[start + i]! }));
    const result = await student.step(data, batch, this.#step, this.#steps);
    if (!Number.isFinite(result.crossEntropy) || !Number.isFinite(result.gradientNorm)) {
      throw new InputError(
        `training diverged at step ${this.#step}: the loss is ${result.crossEntropy}; choose a lower ${optionText("rate")} and start again in another ${optionText("out")}`,
      );
    }
    this.#step++;
    this.#record.epochCrossEntropy += result.crossEntropy;
    this.#record.epochFeatureError += result.featureError ?? 0;
    return result;
  }

  #report(recent: Recent): void {
    const { plan } = this.#options;
    const { crossEntropy, featureError, gradientNorm, seconds, steps } = recent.take();
    const imagesPerSecond = (steps * plan.batchSize) / seconds;
    this.#tell({
      type: "step",
      step: this.#step,
      steps: this.#steps,
      epoch: Math.floor((this.#step - 1) / this.#perEpoch),
      crossEntropy,
      featureError,
      gradientNorm,
      rate: rateAt(plan, this.#step - 1, this.#steps),
      imagesPerSecond,
      secondsLeft: ((this.#steps - this.#step) * plan.batchSize) / imagesPerSecond,
    });
  }

  async #endEpoch(): Promise<void> {
    const { student, data, output } = this.#options;
    const { parameters, averaged } = student;
    const accuracyOf = async (weights: typeof parameters): Promise<number> =>
      (await student.countCorrect(data.validation, weights)) / data.validation.count;
    const accuracy = await accuracyOf(parameters);
    const averagedAccuracy = averaged === null ? null : await accuracyOf(averaged);
    this.#tick();
    const { epochCrossEntropy, epochFeatureError, seconds, curve } = this.#record;
    const point = {
      epoch: this.#step / this.#perEpoch,
      step: this.#step,
      crossEntropy: epochCrossEntropy / this.#perEpoch,
      featureError: data.teacher === null ? null : epochFeatureError / this.#perEpoch,
      accuracy,
      averagedAccuracy,
      seconds,
    };
    curve.push(point);
    this.#record.epochCrossEntropy = 0;
    this.#record.epochFeatureError = 0;
    this.#tell({ type: "epoch", ...point });
    await output.saveModel(bestAccuracy(point) > accuracy ? averaged! : parameters);
    await this.#save();
  }

  async #save(): Promise<void> {
    this.#tick();
    const { student, output } = this.#options;
    const position = { step: this.#step, record: this.#record, events: this.#events };
    await output.saveCheckpoint({ ...position, state: student.state() });
  }

  #tell(event: PretrainingEvent): void {
    this.#events++;
    this.#options.output.event(event);
  }

  #tick(): void {
    const now = performance.now();
    this.#record.seconds += (now - this.#clock) / 1000;
    this.#clock = now;
  }
}

/** Sums since the last report. */
class Recent {
  #results: StepResult[] = [];
  #since = performance.now();

  add(result: StepResult): void {
    this.#results.push(result);
  }

  restart(): void {
    this.#results = [];
    this.#since = performance.now();
  }

  take(): StepResult & { readonly seconds: number; readonly steps: number } {
    const results = this.#results;
    const seconds = (performance.now() - this.#since) / 1000;
    this.restart();
    const mean = (of: (result: StepResult) => number): number =>
      results.reduce((sum, result) => sum + of(result), 0) / results.length;
    return {
      crossEntropy: mean((result) => result.crossEntropy),
      featureError: results[0]!.featureError === null ? null : mean((result) => result.featureError!),
      gradientNorm: mean((result) => result.gradientNorm),
      seconds,
      steps: results.length,
    };
  }
}

/** The record is plain JSON, and it goes on changing. */
const structuredCopy = (record: PretrainingRecord): PretrainingRecord =>
  JSON.parse(JSON.stringify(record)) as PretrainingRecord;
