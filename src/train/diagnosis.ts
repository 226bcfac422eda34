/**
 * @file Where a learned model loses its points: its heads beside the same heads fitted on all images at once, under its
 * network and under the frozen one. It takes all data again, which no continual learner has.
 */
import type { Sample } from "../data/dataset.ts";
import type { PlacedBatch } from "../data/loader.ts";
import type { TaskStream } from "../data/stream.ts";
import { HeadSet, type Scores } from "../heads/head-set.ts";
import { type AnyHead, DRIFTS } from "../heads/index.ts";
import type { AdaptedNetwork } from "../network/adapted-network.ts";
import { FeatureCollector } from "../network/feature-pass.ts";
import { columnMeans } from "../tensor/linear-algebra.ts";
import type { ContinualModel } from "./model.ts";
import { evaluatedSamples, type TrainingOptions } from "./options.ts";
import { checkReadable } from "./task-images.ts";

/** What is asked, and with what. */
export interface DiagnosisOptions {
  /** The model as it is after its last task. */
  readonly model: ContinualModel;
  /** Its heads and their options, to be fitted anew. */
  readonly heads: readonly AnyHead[];
  readonly headOptions: Readonly<Record<string, unknown>>;
  /** The network before anything was learned. */
  readonly frozen: AdaptedNetwork;
  readonly stream: TaskStream;
  readonly evaluateOn: TrainingOptions["evaluateOn"];
  readonly batches: (samples: readonly Sample[]) => AsyncIterable<PlacedBatch>;
  /** Hears how many images of all are done. */
  readonly progress?: (done: number, total: number) => void;
}

/** Shares of the evaluated images. */
export interface AnswerShares {
  /** The right class among all. */
  readonly accuracy: number;
  /** The right class among those of the image's task; null where tasks share classes, or there is one. */
  readonly withinTask: number | null;
  /** Any class of the image's task; null as well. */
  readonly rightTask: number | null;
  /** `accuracy` by task; null for a task without images. */
  readonly taskAccuracy: readonly (number | null)[];
}

/** One head, in three ways. */
export interface HeadDiagnosis {
  readonly head: string;
  /** As the model has it: what it keeps of old images has been moved, not seen again. */
  readonly asLearned: AnswerShares;
  /** Fitted on all training images under the final network; null for a classifier that the method trains. */
  readonly trueStatistics: AnswerShares | null;
  /** Fitted on all training images under the frozen network; null as well. */
  readonly frozen: AnswerShares | null;
}

/** What was found. */
export interface Diagnosis {
  readonly taskNames: readonly string[];
  /** Evaluated images by task. */
  readonly images: readonly number[];
  readonly heads: readonly HeadDiagnosis[];
  /**
   * By task, over its training images: Σ |f' − f|² / Σ |f − mean f|², f under the frozen network, f' under the final one;
   * null where the two are not of the same width.
   */
  readonly drift: readonly number[] | null;
}

/** Passes over all training images, then over those that accuracy is measured on. */
export async function diagnose(options: DiagnosisOptions): Promise<Diagnosis> {
  const { model, heads, headOptions, frozen, stream, evaluateOn, batches, progress = () => {} } = options;
  const { learner } = model;
  const fitted = heads.filter(({ needs }) => !needs.includes("own classifier"));
  const drift = DRIFTS.find(({ name }) => name === "none")!;
  const anew = (width: number): HeadSet => new HeadSet({ width, heads: fitted, drift, options: headOptions });
  const ways = {
    asLearned: model.heads,
    trueStatistics: anew(learner.width),
    frozen: anew(frozen.width),
  };
  const samples = stream.tasks.map((task) => evaluatedSamples(task, { evaluateOn }));
  const total = [...samples, ...stream.tasks.map(({ train }) => train)].reduce(
    (sum, { length }) => sum + length,
    0,
  );
  let done = 0;
  const drifts: number[] = [];
  for (const task of stream.tasks) {
    const [now, before] = [new FeatureCollector(), new FeatureCollector()];
    for await (const batch of batches(task.train)) {
      now.add(await learner.features(batch), batch);
      before.add(await frozen.features(batch), batch);
      done += batch.count;
      progress(done, total);
    }
    const [after, start] = [now.result(), before.result()];
    checkReadable(task, after.labels.length);
    if (learner.width === frozen.width)
      drifts.push(relativeChange(start.features, after.features, frozen.width));
    ways.trueStatistics.update(after, undefined);
    ways.frozen.update(start, undefined);
  }
  const tallies = Object.fromEntries(
    Object.entries(ways).map(([way, set]) => [
      way,
      new Map(set.names.map((name) => [name, new Tally(stream)])),
    ]),
  ) as Record<keyof typeof ways, Map<string, Tally>>;
  const wanted = samples.flatMap((some, task) => some.map((sample) => ({ task, sample })));
  const images = stream.tasks.map(() => 0);
  for await (const batch of batches(wanted.map(({ sample }) => sample))) {
    const tasks = Array.from(batch.places, (place) => wanted[place]!.task);
    for (const task of tasks) images[task]!++;
    const own = await learner.features(batch);
    const bare = await frozen.features(batch);
    for (const [way, set] of Object.entries(ways) as [keyof typeof ways, HeadSet][]) {
      const scores: Scores = set.scores(way === "frozen" ? bare : own, stream.classNames.length);
      for (const [name, tally] of tallies[way]) tally.add(scores[name]!, batch.labels, tasks);
    }
    done += batch.count;
    progress(done, total);
  }
  const shares = (way: keyof typeof ways, name: string): AnswerShares | null =>
    tallies[way].get(name)?.shares() ?? null;
  return {
    taskNames: stream.tasks.map(({ name }) => name),
    images,
    heads: model.heads.names.map((head) => ({
      head,
      asLearned: shares("asLearned", head)!,
      trueStatistics: shares("trueStatistics", head),
      frozen: shares("frozen", head),
    })),
    drift: learner.width === frozen.width ? drifts : null,
  };
}

/** Counts answers of one head. */
class Tally {
  readonly #classesOf: readonly (readonly number[])[];
  /** Task of every class; undefined where a class is in several, or there is one task. */
  readonly #taskOf: ReadonlyMap<number, number> | undefined;
  readonly #right: number[];
  readonly #images: number[];
  #within = 0;
  #task = 0;

  constructor({ tasks }: TaskStream) {
    this.#classesOf = tasks.map(({ classes }) => classes);
    const places = tasks.flatMap(({ classes }, task) => classes.map((label) => [label, task] as const));
    const taskOf = new Map(places);
    this.#taskOf = tasks.length > 1 && taskOf.size === places.length ? taskOf : undefined;
    this.#right = tasks.map(() => 0);
    this.#images = tasks.map(() => 0);
  }

  /** scores: [images, classes] */
  add(scores: Float32Array, labels: Int32Array, tasks: readonly number[]): void {
    const classes = scores.length / tasks.length;
    for (const [row, task] of tasks.entries()) {
      const own = scores.subarray(row * classes, (row + 1) * classes);
      const answer = bestOf(own, own.keys());
      this.#images[task]!++;
      if (answer === labels[row]) this.#right[task]!++;
      if (bestOf(own, this.#classesOf[task]!) === labels[row]) this.#within++;
      if (answer !== undefined && this.#taskOf?.get(answer) === task) this.#task++;
    }
  }

  shares(): AnswerShares {
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const images = sum(this.#images);
    const known = this.#taskOf !== undefined;
    return {
      accuracy: sum(this.#right) / images,
      withinTask: known ? this.#within / images : null,
      rightTask: known ? this.#task / images : null,
      taskAccuracy: this.#right.map((right, task) =>
        this.#images[task] === 0 ? null : right / this.#images[task]!,
      ),
    };
  }
}

/** The class of these with the highest score, the first of equal ones; undefined where none has a score. */
function bestOf(scores: Float32Array, classes: Iterable<number>): number | undefined {
  let best: number | undefined;
  let highest = Number.NEGATIVE_INFINITY;
  for (const label of classes) {
    if (scores[label]! > highest) [best, highest] = [label, scores[label]!];
  }
  return best;
}

/** Σ |after − before|² / Σ |before − mean|² */
function relativeChange(before: Float32Array, after: Float32Array, width: number): number {
  const center = columnMeans(before, width);
  let [change, spread] = [0, 0];
  for (const [i, value] of before.entries()) {
    change += (after[i]! - value) ** 2;
    spread += (value - center[i % width]!) ** 2;
  }
  return change / spread;
}
