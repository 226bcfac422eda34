/** @file Measures a run as it goes, where its plan says so, and books what was counted in its record. */
import type { Task } from "../data/stream.ts";
import { type Counts, Evaluator, type EvaluatorOptions, share } from "./evaluation.ts";
import type { EventSink, RunEvent } from "./events.ts";
import { type EvaluationPlan, isDue } from "./options.ts";
import type { Mistake, RunRecord } from "./record.ts";
import type { Trace } from "./tracer.ts";

/** Whom to measure, when, and who hears of it. */
export interface MeasurementOptions extends EvaluatorOptions {
  readonly plan: EvaluationPlan;
  readonly record: RunRecord;
  /** For events that the log keeps. */
  readonly tell: EventSink;
  readonly trace: Trace;
  /** For progress that only a terminal shows. */
  readonly passing: EventSink;
}

/** The evaluations of one run. */
export class Measurements {
  readonly #options: MeasurementOptions;
  readonly #evaluator: Evaluator;
  /** What evaluation took so far in this process. */
  seconds = 0;

  constructor(options: MeasurementOptions) {
    this.#options = options;
    this.#evaluator = new Evaluator(options);
  }

  /** The images of a task that accuracy is measured on. */
  samples(task: Task): Task["test"] {
    return this.#evaluator.samples(task);
  }

  /** Counts training images taken in, and measures where their number passes a multiple of the plan's period. */
  async takeIn(task: Task, images: number): Promise<void> {
    const { model, plan, record, tell, trace } = this.#options;
    const before = record.streamedImages;
    record.streamedImages += images;
    const period = plan.everyImages;
    if (period === undefined) return;
    const first = Math.floor(before / period) + 1;
    const points = Math.floor(record.streamedImages / period) - first + 1;
    if (points === 0) return;
    const name = "anytime evaluation";
    const count = () => this.#count(task, task.index + 1, name);
    const counts = await trace.time(name, () => model.aside(count));
    const testImages = sum(counts.images);
    if (testImages === 0) return;
    const accuracyMicro = share(Object.values(counts.correct)[0]!, counts.images);
    // The model answers between batches, so a point waits for its batch to end. A task that trains nothing is taken in
    // at once: all points within it see the same model.
    for (let point = first; point < first + points; point++) {
      const place = point * period;
      record.anytime.images.push(place);
      record.anytime.testImages.push(testImages);
      for (const [name, correct] of Object.entries(counts.correct)) {
        record.anytime.correct[name]!.push(sum(correct));
      }
      tell({ type: "anytime", task: task.index, images: place, accuracyMicro });
    }
  }

  /** Counts right answers after a task, where that is due. */
  async afterTask(
    task: Task,
  ): Promise<Pick<Extract<RunEvent, { type: "task-end" }>, "accuracy" | "accuracyMicro">> {
    const { plan, record, model, stream } = this.#options;
    const { names } = model.heads;
    const { index } = task;
    const tasks = stream.tasks.length;
    const counts = isDue(plan, index, tasks)
      ? await this.#count(task, plan.tasks === "all" ? tasks : index + 1, "evaluation")
      : undefined;
    for (const [each, images] of (counts?.images ?? []).entries()) record.testImages[each] = images;
    record.domainImages[index] = counts?.domainImages ?? [];
    if (index === tasks - 1) {
      record.confusions = counts?.confusions ?? [];
      const { mistakes = 0 } = plan;
      if (mistakes > 0) record.mistakes = surest(counts?.mistakes ?? [], mistakes);
    }
    for (const name of names) {
      record.correct[name]![index] = counts?.correct[name] ?? [];
      record.domainCorrect[name]![index] = counts?.domainCorrect[name] ?? [];
    }
    const row = (name: string): number[] => record.correct[name]![index]!;
    const shares = (correct: readonly number[]): number[] =>
      correct.map((count, i) => count / Math.max(record.testImages[i]!, 1));
    const seen = (values: readonly number[]): number[] => values.slice(0, index + 1);
    return {
      accuracy: Object.fromEntries(names.map((name) => [name, shares(row(name))])),
      accuracyMicro: counts === undefined ? null : share(seen(row(names[0]!)), seen(counts.images)),
    };
  }

  async #count(task: Task, tasks: number, name: string): Promise<Counts> {
    const start = performance.now();
    const counts = await this.#evaluator.count(tasks, task.index, (done, total) =>
      this.#options.passing({ type: "phase", task: task.index, name, done, total }),
    );
    const seconds = (performance.now() - start) / 1000;
    this.seconds += seconds;
    this.#options.record.evaluationSeconds[task.index]! += seconds;
    return counts;
  }
}

const surest = (all: readonly Mistake[], count: number): Mistake[] =>
  all.toSorted((a, b) => b.sureness - a.sureness).slice(0, count);

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
