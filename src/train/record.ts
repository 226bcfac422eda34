/** @file What a run counts along the way and ends in metrics.json: plain JSON, a row a task. */
import type { AnytimeCounts } from "../metrics/anytime.ts";
import type { Confusion } from "../metrics/run-metrics.ts";

/** `AnytimeCounts` that grow. */
interface AnytimeRecord extends AnytimeCounts {
  readonly images: number[];
  readonly testImages: number[];
  readonly correct: Record<string, number[]>;
}

/** A test image whose class was not the one that was said. */
export interface Mistake {
  /** The sample's. */
  readonly id: string;
  /** Positions of classes; the answer is one. */
  readonly label: number;
  readonly answer: number;
  /** Probability of the answer. */
  readonly sureness: number;
}

/** The counts of a run. Rows of finished tasks never change. */
export interface RunRecord {
  /** Correct test images per head, R's counts: [after task][on task]; an empty row where nothing was evaluated. */
  readonly correct: Record<string, number[][]>;
  /** The same by domain over the tasks so far: [after task][domain]; empty rows where all images are of one domain. */
  readonly domainCorrect: Record<string, number[][]>;
  /** Decoded test images that `domainCorrect` counts: [after task][domain]. */
  readonly domainImages: number[][];
  /** Accuracy while tasks train. */
  readonly anytime: AnytimeRecord;
  readonly trainableParameters: number[];
  readonly stateBytes: number[];
  /** By head: what would be kept with it alone. */
  readonly readoutBytes: Record<string, number[]>;
  readonly ranks: Record<string, number>[];
  readonly taskSeconds: number[];
  /** Of `taskSeconds`, those of evaluation. */
  readonly evaluationSeconds: number[];
  /** Test images that could be decoded, by task: what accuracy is a share of. */
  readonly testImages: number[];
  /** Tasks that trained nothing where others do. */
  readonly untrainedTasks: number[];
  /** What the first head said after the last task. */
  confusions: readonly Confusion[];
  /** Test images that it was wrong about then, the surest first; left out where nobody asked for them. */
  mistakes?: readonly Mistake[];
  /** Images left out so far: each is told once. */
  readonly skipped: string[];
  /** Images trained on, and the seconds it took, waiting for decoded images included. */
  trainedImages: number;
  trainingSeconds: number;
  /** Images of the stream taken in: those trained on, and once those of tasks that train nothing. */
  streamedImages: number;
  seconds: number;
}

/** The rows of one finished task. */
export interface TaskRow {
  readonly correct: Readonly<Record<string, number[]>>;
  readonly domainCorrect: Readonly<Record<string, number[]>>;
  readonly domainImages: number[];
  readonly trainableParameters: number;
  readonly stateBytes: number;
  readonly readoutBytes: Readonly<Record<string, number>>;
  readonly ranks: Record<string, number>;
  readonly taskSeconds: number;
  readonly evaluationSeconds: number;
}

/** The record of a run that has not begun. */
export function emptyRecord(readouts: readonly string[]): RunRecord {
  const each = <T>(): Record<string, T[]> => Object.fromEntries(readouts.map((readout) => [readout, []]));
  return {
    correct: each(),
    domainCorrect: each(),
    domainImages: [],
    anytime: { images: [], testImages: [], correct: each() },
    trainableParameters: [],
    stateBytes: [],
    readoutBytes: each(),
    ranks: [],
    taskSeconds: [],
    evaluationSeconds: [],
    testImages: [],
    untrainedTasks: [],
    confusions: [],
    skipped: [],
    trainedImages: 0,
    trainingSeconds: 0,
    streamedImages: 0,
    seconds: 0,
  };
}

/** A record that later counting leaves alone; rows are shared, as they never change. */
export const copyRecord = (record: RunRecord): RunRecord => sliced(record, 0);

/** The rows of tasks `from` to `to` (exclusive), and the record without any before `to`: what a checkpoint keeps. */
export function splitRecord(record: RunRecord, from: number, to: number): [TaskRow[], RunRecord] {
  const rows = Array.from({ length: Math.max(0, to - from) }, (_, k): TaskRow => {
    const t = from + k;
    const own = (rows: Readonly<Record<string, number[][]>>): Record<string, number[]> =>
      mapped(rows, (all) => all[t]!);
    return {
      correct: own(record.correct),
      domainCorrect: own(record.domainCorrect),
      domainImages: record.domainImages[t]!,
      trainableParameters: record.trainableParameters[t]!,
      stateBytes: record.stateBytes[t]!,
      readoutBytes: mapped(record.readoutBytes, (all) => all[t]!),
      ranks: record.ranks[t]!,
      taskSeconds: record.taskSeconds[t]!,
      evaluationSeconds: record.evaluationSeconds[t]!,
    };
  });
  return [rows, sliced(record, to)];
}

/** The record that `splitRecord` cut: `rows` of all tasks before it, in order. */
export function joinRecord(rows: readonly TaskRow[], rest: RunRecord): RunRecord {
  const joined = (key: "correct" | "domainCorrect"): Record<string, number[][]> =>
    mapped(rest[key], (tail, readout) => [...rows.map((row) => row[key][readout]!), ...tail]);
  const before = <Key extends keyof TaskRow>(key: Key): TaskRow[Key][] => rows.map((row) => row[key]);
  return {
    ...rest,
    correct: joined("correct"),
    domainCorrect: joined("domainCorrect"),
    domainImages: [...before("domainImages"), ...rest.domainImages],
    trainableParameters: [...before("trainableParameters"), ...rest.trainableParameters],
    stateBytes: [...before("stateBytes"), ...rest.stateBytes],
    readoutBytes: mapped(rest.readoutBytes, (tail, readout) => [
      ...rows.map((row) => row.readoutBytes[readout]!),
      ...tail,
    ]),
    ranks: [...before("ranks"), ...rest.ranks],
    taskSeconds: [...before("taskSeconds"), ...rest.taskSeconds],
    evaluationSeconds: [...before("evaluationSeconds"), ...rest.evaluationSeconds],
  };
}

function sliced(record: RunRecord, start: number): RunRecord {
  const { anytime } = record;
  return {
    ...record,
    correct: mapped(record.correct, (rows) => rows.slice(start)),
    domainCorrect: mapped(record.domainCorrect, (rows) => rows.slice(start)),
    domainImages: record.domainImages.slice(start),
    anytime: {
      images: [...anytime.images],
      testImages: [...anytime.testImages],
      correct: mapped(anytime.correct, (counts) => [...counts]),
    },
    trainableParameters: record.trainableParameters.slice(start),
    stateBytes: record.stateBytes.slice(start),
    readoutBytes: mapped(record.readoutBytes, (all) => all.slice(start)),
    ranks: record.ranks.slice(start),
    taskSeconds: record.taskSeconds.slice(start),
    evaluationSeconds: record.evaluationSeconds.slice(start),
    testImages: [...record.testImages],
    untrainedTasks: [...record.untrainedTasks],
    skipped: [...record.skipped],
  };
}

const mapped = <Value, Result>(
  table: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Result,
): Record<string, Result> =>
  Object.fromEntries(Object.entries(table).map(([key, value]) => [key, map(value, key)]));
