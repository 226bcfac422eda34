/** @file Methods compared over seeds: rows of means, and differences paired by seed. Tables, CSV and the page are made of it. */
import { type PairedDifference, pairedDifference, spread } from "../../metrics/paired.ts";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { InputError } from "../../tensor/errors.ts";
import { benchmarkText } from "../summary.ts";
import {
  comparable,
  differenceText,
  evaluationText,
  factDifferences,
  factText,
  isFrozen,
  trainingDifferences,
} from "./facts.ts";
import { type RunGroup, shownReadouts } from "./readouts.ts";
import { type ComparedRun, labelOf } from "./run.ts";

/** How runs are compared. */
export interface CompareOptions {
  /** The label that the others are compared with; default: that of the first run. */
  readonly reference?: string | undefined;
  /** The head of all runs for which none is asked for; runs on the frozen backbone that lack it keep their own. */
  readonly readout?: string | undefined;
  /** Sets runs side by side that differ in data, backbone or evaluation; else each kind has a table of its own. */
  readonly mixed?: boolean | undefined;
}

/** Runs of one label under one head. */
export interface ComparedRow {
  readonly label: string;
  readonly readout: string;
  /** The metrics of each run, those of the head on top. */
  readonly runs: readonly RunMetrics[];
  readonly frozen: boolean;
  /** Mean of last accuracy less that of LDA on the frozen backbone, over common seeds; null where there is none. */
  readonly overFrozen: number | null;
  /** The same by megabyte (10^6 bytes) of state. */
  readonly overFrozenPerMegabyte: number | null;
}

/** A difference, or why there is none. */
export type Outcome = PairedDifference | string;

/** A row compared with another. */
export interface RowDifference {
  readonly row: ComparedRow;
  readonly against: ComparedRow;
  readonly pairs: number;
  readonly last: Outcome;
  readonly average: Outcome;
}

/** Runs that may be compared, or that were asked to be. */
export interface ComparedTable {
  /** Benchmark, backbone and images. */
  readonly setting: string;
  readonly rows: readonly ComparedRow[];
  /** LDA on the frozen backbone, where it is among the runs. */
  readonly baseline: ComparedRow | undefined;
  /** The label that others are compared with, where it is in the table. */
  readonly reference: string | undefined;
  readonly differences: readonly RowDifference[];
  /** What a reader has to know, a sentence each. */
  readonly notes: readonly string[];
}

/** All tables of a comparison. */
export interface Comparison {
  readonly tables: readonly ComparedTable[];
  /** Why there are several tables: in what runs differ. */
  readonly apart: readonly string[];
}

/**
 * Methods side by side, and each one's difference from the reference, paired by seed. By default both sides of a difference
 * have the same readout; one that was asked for is compared with the reference as it is.
 * @throws InputError for no runs, an unknown reference or head, and a seed that comes twice under one label
 */
export function compareRuns(runs: readonly ComparedRun[], options: CompareOptions = {}): Comparison {
  const [first] = runs;
  if (first === undefined) throw new InputError("comparison: no runs; give at least one metrics.json");
  const reference = options.reference ?? labelOf(first);
  if (!runs.some((run) => labelOf(run) === reference))
    throw new InputError(
      `comparison: no run of the reference ${reference}; there are ${[...new Set(runs.map(labelOf))].join(", ")}`,
    );
  const parts = options.mixed === true ? [[...runs]] : comparable(runs);
  const settings = settingTexts(parts);
  return {
    tables: parts.map((part, at) => tableOf(settings[at]!, part, reference, options.readout)),
    apart: parts.length < 2 ? [] : factDifferences(runs).map(differenceText),
  };
}

function tableOf(
  setting: string,
  runs: readonly ComparedRun[],
  reference: string,
  readout: string | undefined,
): ComparedTable {
  const groups = groupsOf(runs);
  const shown = shownReadouts(groups, reference, readout);
  const plain = shown.map(({ group, readout }) => rowOf(group, readout));
  const baseline = plain.find((row) => row.frozen && row.readout === LDA);
  const rows = plain.map((row) => (row === baseline ? row : { ...row, ...gain(row, baseline) }));
  const rowFor = (label: string, name: string): ComparedRow | undefined =>
    rows.find((row) => row.label === label && row.readout === name);
  const own = rows.find(({ label }) => label === reference);
  const differences = shown.flatMap(({ group, readout, against }): RowDifference[] => {
    if (own === undefined || group.label === reference) return [];
    const row = rowFor(group.label, readout)!;
    if (against !== undefined) return [differenceOf(row, rowFor(reference, against)!)];
    return [{ row, against: own, pairs: 0, last: "other readout", average: "other readout" }];
  });
  return {
    setting,
    rows,
    baseline,
    reference: own?.label,
    differences,
    notes: notesOf(runs, baseline),
  };
}

const LDA = "lda";

function groupsOf(runs: readonly ComparedRun[]): RunGroup[] {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) {
    const group = groups.get(labelOf(run));
    if (group === undefined) groups.set(labelOf(run), [run]);
    else group.push(run);
  }
  return [...groups].map(([label, own]) => {
    refuseRepeatedSeed(label, own);
    return { label, runs: own, frozen: own.every(({ metrics }) => isFrozen(metrics)) };
  });
}

function rowOf({ label, runs, frozen }: RunGroup, readout: string): ComparedRow {
  const metrics = runs.map(
    ({ metrics }): RunMetrics => ({ ...metrics, ...(metrics.readouts[readout] ?? {}), readout }),
  );
  return { label, readout, runs: metrics, frozen, overFrozen: null, overFrozenPerMegabyte: null };
}

function gain(
  row: ComparedRow,
  baseline: ComparedRow | undefined,
): Pick<ComparedRow, "overFrozen" | "overFrozenPerMegabyte"> {
  const outcome =
    baseline === undefined ? "" : outcomeOf(pairsOf(row, baseline), ({ lastAccuracy }) => lastAccuracy);
  if (typeof outcome === "string") return { overFrozen: null, overFrozenPerMegabyte: null };
  const bytes = spread(row.runs.map(({ stateBytes }) => stateBytes.at(-1) ?? Number.NaN)).mean;
  const perMegabyte = outcome.mean / (bytes / 1e6);
  return {
    overFrozen: outcome.mean,
    overFrozenPerMegabyte: Number.isFinite(perMegabyte) ? perMegabyte : null,
  };
}

type Pairs = readonly (readonly [run: RunMetrics, other: RunMetrics])[];

/** Two runs pair where the same seeds drove both. */
const seeds = ({ seed, orderSeed }: RunMetrics): string => `${seed}/${orderSeed}`;

/** The run of a row that the same seeds drove. */
export const partnerIn = (row: ComparedRow, run: RunMetrics): RunMetrics | undefined =>
  row.runs.find((other) => seeds(other) === seeds(run));

function pairsOf(row: ComparedRow, against: ComparedRow): Pairs {
  return row.runs.flatMap((run) => {
    const other = partnerIn(against, run);
    return other === undefined ? [] : [[run, other] as const];
  });
}

function differenceOf(row: ComparedRow, against: ComparedRow): RowDifference {
  const pairs = pairsOf(row, against);
  const sameTasks = pairs.every(([run, other]) => run.testImages.length === other.testImages.length);
  return {
    row,
    against,
    pairs: pairs.length,
    last: outcomeOf(pairs, ({ lastAccuracy }) => lastAccuracy),
    average: sameTasks ? outcomeOf(pairs, ({ averageAccuracy }) => averageAccuracy) : "other tasks",
  };
}

function outcomeOf(pairs: Pairs, value: (run: RunMetrics) => number | null): Outcome {
  if (pairs.length === 0) return "no common seed";
  const [own, others] = [0, 1].map((side) => pairs.map((pair) => value(pair[side]!)));
  return areNumbers(own!) && areNumbers(others!) ? pairedDifference(own, others) : "not evaluated";
}

type Maybe = number | null | undefined;

/** Whether all of them were measured. */
export const areNumbers = (values: readonly Maybe[]): values is readonly number[] =>
  values.every((value) => typeof value === "number");

function notesOf(runs: readonly ComparedRun[], baseline: ComparedRow | undefined): string[] {
  const mixed = factDifferences(runs).map(differenceText);
  const training = trainingDifferences(runs, labelOf);
  return [
    ...(mixed.length === 0
      ? []
      : [
          `Mixed runs, whose differences are not those of methods alone: they differ in ${mixed.join(", ")}.`,
        ]),
    ...(training.length === 0 ? [] : [`Trained differently: ${training.join(", ")}.`]),
    ...(baseline !== undefined || runs.every(({ metrics }) => isFrozen(metrics))
      ? []
      : [
          "No run of LDA on the frozen backbone (method lda) is among these: what training gains over it stays unseen.",
        ]),
  ];
}

/** What a table is of; where that is not enough to tell two apart, in what it differs from the others. */
function settingTexts(parts: readonly (readonly ComparedRun[])[]): string[] {
  const plain = parts.map(([first]) => settingText(first!.metrics));
  return parts.map((part, at) => {
    const text = plain[at]!;
    const twins = parts.filter((_, other) => plain[other] === text);
    if (twins.length < 2) return text;
    const names = factDifferences(twins.map(([run]) => run!)).map(({ name }) => name);
    const told = names.map((name) => factText(part[0]!, name)).filter((each) => each !== "");
    return [text, ...told].join(", ");
  });
}

const settingText = (run: RunMetrics): string =>
  `${benchmarkText(run)}, ${run.backbone}, ${evaluationText(run)}`;

function refuseRepeatedSeed(label: string, group: readonly ComparedRun[]): void {
  const seen = new Set<string>();
  for (const { metrics } of group) {
    if (seen.has(seeds(metrics)))
      throw new InputError(
        `comparison: two runs of ${label} have seed ${metrics.seed} and order seed ${metrics.orderSeed ?? "none"}; give runs with different settings different labels`,
      );
    seen.add(seeds(metrics));
  }
}
