/** @file A search as a grid: each trial is a cell, kept in a folder of its own, measured on validation images of the first tasks. */
import type { Dataset, Sample } from "../../data/dataset.ts";
import { type Cell, gridOf } from "../../grid/cells.ts";
import type { Settings, Value } from "../../grid/values.ts";
import type { AnyMethod } from "../../methods/index.ts";
import type { Benchmark } from "../../run/benchmark.ts";
import { flagOf } from "../../run/flag.ts";
import { InputError } from "../../tensor/errors.ts";
import { type SearchSpace, trialValues, type Values } from "../../tuning/search.ts";
import type { SearchResult, Trial } from "../../tuning/settings-file.ts";
import type { CellEnd } from "../grid/cell-process.ts";
import type { GridFolder } from "../grid/folder.ts";
import { gridContext } from "../grid/table-file.ts";

/** Tasks that a trial learns, unless told otherwise. */
export const TUNED_TASKS = 3;
/** One in so many training images of a class is held out. */
const HELD_OUT = 5;

/** What is searched, and on what. */
export interface Search {
  readonly benchmark: Benchmark;
  readonly method: AnyMethod;
  readonly space: SearchSpace;
  /** What all trials have, by flag; without benchmark and method. */
  readonly shared: Settings;
  readonly seed: number;
  readonly trials: number;
}

/** The cells of the trials in their order; two trials of the same values are one cell. */
export function trialCells({ benchmark, method, space, shared, seed, trials }: Search): Cell[] {
  const rows = trialValues(space, trials, seed).map((values) => ({
    benchmark: benchmark.name,
    method: method.name,
    // A list in a grid's row is crossed; a list in a list is one value.
    ...Object.fromEntries(Object.entries(shared).map(([flag, value]) => [flag, [value]])),
    ...byFlag(values),
  }));
  return [...gridOf({ include: rows }, gridContext("tune")).cells];
}

const byFlag = (values: Values): Record<string, Value> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [flagOf(name), value]));

/**
 * How many images a class a trial holds out: a fifth of those that the class with the fewest has.
 * @throws InputError if a class has too few to hold any out
 */
export function validationImages(
  dataset: Dataset,
  kind: Benchmark["kind"],
  limit: number | undefined,
): number {
  const counts = new Map<string, number>();
  const groupOf = ({ label, domain }: Sample): string =>
    kind === "domain-incremental" ? `${domain}/${label}` : `${label}`;
  for (const sample of dataset.train) counts.set(groupOf(sample), (counts.get(groupOf(sample)) ?? 0) + 1);
  const least = Math.min(limit ?? Number.POSITIVE_INFINITY, ...counts.values());
  if (least >= 2) return Math.max(1, Math.floor(least / HELD_OUT));
  throw new InputError(
    `${dataset.name}: a class has ${least} training image, so none can be held out to choose by`,
  );
}

/** What the search came to. @param ends of cells that were begun now */
export function settingsFileOf(
  search: Search,
  cells: readonly Cell[],
  folder: GridFolder,
  ends: ReadonlyMap<Cell, CellEnd>,
): SearchResult {
  const { benchmark, method, space, shared, seed, trials } = search;
  const searched = Object.keys(space.ranges).map(flagOf);
  const all = cells.map((cell): Trial => {
    const settings = Object.fromEntries(
      searched.map((flag) => [flag, cell.settings[flag]!]),
    ) as Trial["settings"];
    const metrics = folder.metrics(cell);
    const { seconds, failure } = folder.note(cell);
    const end = ends.get(cell);
    const failed = end?.name === "failed" ? end.line : failure;
    return {
      cell: cell.id,
      settings,
      lastAccuracy: metrics?.lastAccuracy ?? null,
      averageAccuracy: metrics?.averageAccuracy ?? null,
      seconds: Math.round(metrics?.seconds ?? seconds),
      ...(metrics === undefined && failed !== undefined ? { failure: failed } : {}),
    };
  });
  const [first] = cells.flatMap((cell) => folder.metrics(cell) ?? []);
  const tasks = first?.testImages.length ?? 0;
  const images = first?.testImages.reduce((sum, count) => sum + count, 0) ?? 0;
  return {
    method: method.name,
    benchmark: benchmark.name,
    shared: shared as SearchResult["shared"],
    ranges: Object.fromEntries(
      Object.entries(space.ranges).map(([name, range]) => [flagOf(name), range]),
    ) as SearchResult["ranges"],
    search: {
      kind: "random",
      seed,
      trials,
      measure: `last accuracy of ${first?.readout ?? "the first head"} on ${images} held-out training images, after ${tasks} ${tasks === 1 ? "task" : "tasks"}`,
    },
    trials: all,
  };
}
