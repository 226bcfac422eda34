/** @file Counts right answers on the test images of tasks, by task and by domain. */
import type { Sample } from "../data/dataset.ts";
import type { PlacedBatch } from "../data/loader.ts";
import type { Task, TaskStream } from "../data/stream.ts";
import type { Confusion } from "../metrics/run-metrics.ts";
import { answersOf, NO_ANSWER, sureness } from "./answers.ts";
import type { ContinualModel } from "./model.ts";
import { evaluatedSamples, type TrainingOptions } from "./options.ts";
import type { Mistake } from "./record.ts";

/** What an evaluator asks. */
export interface EvaluatorOptions {
  readonly stream: TaskStream;
  readonly model: ContinualModel;
  readonly evaluateOn: TrainingOptions["evaluateOn"];
  readonly batches: (samples: readonly Sample[]) => AsyncIterable<PlacedBatch>;
}

/** Right answers and decoded images. */
export interface Counts {
  /** By head, then by task. */
  readonly correct: Record<string, number[]>;
  readonly images: number[];
  /** By head, then by domain, over the tasks up to the current one; empty where all images are of one domain. */
  readonly domainCorrect: Record<string, number[]>;
  readonly domainImages: number[];
  /** What the first head said of the images of each class. */
  readonly confusions: Confusion[];
  /** The images that the first head is wrong about, in their order. */
  readonly mistakes: Mistake[];
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
   * @param current - The task being learned or just learned: domains are counted up to it.
   * @param progress - Hears how many images of all are done.
   */
  async count(
    count: number,
    current: number,
    progress: (done: number, total: number) => void,
  ): Promise<Counts> {
    const { stream, model } = this.#options;
    const { names } = model.heads;
    const tasks = stream.tasks.slice(0, count);
    const domains = this.#byDomain ? stream.dataset.domainNames.length : 0;
    const each = (length: number): Record<string, number[]> =>
      Object.fromEntries(names.map((name) => [name, new Array<number>(length).fill(0)]));
    const result: Counts = {
      correct: each(count),
      images: new Array<number>(count).fill(0),
      domainCorrect: each(domains),
      domainImages: new Array<number>(domains).fill(0),
      confusions: [],
      mistakes: [],
    };
    const said = new Map<string, number>();
    // Tasks share batches: many of them may have a few images each.
    const wanted = tasks.flatMap((task) =>
      this.samples(task).map((sample) => ({ task: task.index, sample })),
    );
    let done = 0;
    for await (const batch of this.#options.batches(wanted.map(({ sample }) => sample))) {
      const scores = await model.scores(batch, stream.classNames.length);
      const answers = names.map((name) => [name, answersOf(scores[name]!, batch.count)] as const);
      for (const [row, place] of batch.places.entries()) {
        const { task, sample } = wanted[place]!;
        const byDomain = this.#byDomain && task <= current;
        result.images[task]!++;
        if (byDomain) result.domainImages[sample.domain]!++;
        const label = batch.labels[row]!;
        const answer = answers[0]![1][row]!;
        const pair = `${label} ${answer}`;
        said.set(pair, (said.get(pair) ?? 0) + 1);
        if (answer !== label && answer !== NO_ANSWER) {
          const classes = stream.classNames.length;
          const own = scores[names[0]!]!.subarray(row * classes, (row + 1) * classes);
          result.mistakes.push({ id: sample.id, label, answer, sureness: sureness(own) });
        }
        for (const [name, answered] of answers) {
          if (answered[row] !== label) continue;
          result.correct[name]![task]!++;
          if (byDomain) result.domainCorrect[name]![sample.domain]!++;
        }
      }
      done += batch.count;
      progress(done, wanted.length);
    }
    for (const [pair, images] of said) {
      const [label, answer] = pair.split(" ").map(Number) as [number, number];
      result.confusions.push([label, answer, images]);
    }
    result.confusions.sort(([a, said], [b, other]) => a - b || said - other);
    return result;
  }
}

/** Of all images counted, those answered right. */
export function share(correct: readonly number[], images: readonly number[]): number {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return sum(correct) / Math.max(sum(images), 1);
}
