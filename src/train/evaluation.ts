/** @file Counts right answers on the test images of tasks, by task and by domain. */
import type { Batch, Sample } from "../data/dataset.ts";
import type { Task, TaskStream } from "../data/stream.ts";
import type { Learner } from "../methods/method.ts";
import { countCorrect } from "./correct.ts";
import { evaluatedSamples, type TrainingOptions } from "./options.ts";

/** What an evaluator asks. */
export interface EvaluatorOptions {
  readonly stream: TaskStream;
  readonly learner: Pick<Learner, "readouts" | "predict">;
  readonly evaluateOn: TrainingOptions["evaluateOn"];
  readonly batches: (samples: readonly Sample[]) => AsyncIterable<Batch>;
}

/** Right answers and decoded images. */
export interface Counts {
  /** By readout, then by task. */
  readonly correct: Record<string, number[]>;
  readonly images: number[];
  /** By readout, then by domain, over the tasks up to the current one; empty where all images are of one domain. */
  readonly domainCorrect: Record<string, number[]>;
  readonly domainImages: number[];
}

/** Measures a learner on the tasks of one stream. */
export class Evaluator {
  readonly #options: EvaluatorOptions;
  /** Whether test images are of several domains. */
  readonly #byDomain: boolean;

  constructor(options: EvaluatorOptions) {
    this.#options = options;
    const all = options.stream.tasks.flatMap((task) => this.samples(task));
    this.#byDomain = all.some(({ domain }) => domain !== all[0]!.domain);
  }

  /** The images of a task that accuracy is measured on. */
  samples(task: Task): readonly Sample[] {
    return evaluatedSamples(task, this.#options);
  }

  /**
   * Right answers on the first `count` tasks.
   * @param current - The task being learnt or just learnt: domains are counted up to it.
   * @param progress - Hears how many images of all are done.
   */
  async count(
    count: number,
    current: number,
    progress: (done: number, total: number) => void,
  ): Promise<Counts> {
    const { stream, learner } = this.#options;
    const tasks = stream.tasks.slice(0, count);
    const total = tasks.reduce((sum, task) => sum + this.samples(task).length, 0);
    const domains = this.#byDomain ? stream.dataset.domainNames.length : 0;
    const each = (length: number): Record<string, number[]> =>
      Object.fromEntries(learner.readouts.map((name) => [name, new Array<number>(length).fill(0)]));
    const result: Counts = {
      correct: each(count),
      images: new Array<number>(count).fill(0),
      domainCorrect: each(domains),
      domainImages: new Array<number>(domains).fill(0),
    };
    let done = 0;
    for (const task of tasks) {
      for (const [domain, samples] of this.#groups(task)) {
        const counted = this.#byDomain && task.index <= current;
        for await (const batch of this.#options.batches(samples)) {
          const scores = await learner.predict(batch, stream.classNames.length);
          for (const name of learner.readouts) {
            const correct = countCorrect(scores[name]!, batch);
            result.correct[name]![task.index]! += correct;
            if (counted) result.domainCorrect[name]![domain]! += correct;
          }
          result.images[task.index]! += batch.count;
          if (counted) result.domainImages[domain]! += batch.count;
          done += batch.count;
          progress(done, total);
        }
      }
    }
    return result;
  }

  /** A task's images by domain: a batch then counts for one domain. */
  #groups(task: Task): Map<number, readonly Sample[]> {
    const samples = this.samples(task);
    if (samples.length === 0) return new Map(); // of a thousand tasks most may have none
    if (!this.#byDomain) return new Map([[0, samples]]);
    const groups = new Map<number, Sample[]>();
    for (const sample of samples) {
      const group = groups.get(sample.domain);
      if (group === undefined) groups.set(sample.domain, [sample]);
      else group.push(sample);
    }
    return groups;
  }
}

/** Of all images counted, those answered right. */
export function share(correct: readonly number[], images: readonly number[]): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return sum(correct) / Math.max(sum(images), 1);
}
