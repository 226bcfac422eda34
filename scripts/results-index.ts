/** @file docs/results/results.json: every kept run as a row that `npm run reproduce` can run again. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { isFrozen } from "../src/report/comparison/facts.ts";
import { currentDescription } from "../src/run/former-model.ts";
import { headName } from "../src/run/heads.ts";

/** Where pages and kept runs are. */
export const RESULTS = fileURLToPath(new URL("../docs/results", import.meta.url));

/** Where the index is. */
export const INDEX = join(RESULTS, "results.json");

/** What a page says around its tables: page.json. */
export interface Page {
  readonly title: string;
  readonly text: string;
  /** Label of the method that others are compared with. */
  readonly reference: string;
  /**
   * Scrambled views that the drift map of its runs has unless told otherwise (`views` of the map), or all numbers that there are
   * where tasks differ; 0 where it says nothing.
   */
  readonly driftViews?: number | readonly number[];
  /** Directions that a class with the mean number of images has unless a run is told otherwise; 4 where it says nothing. */
  readonly directions?: number;
}

/** One kept run. */
export interface KeptRun {
  readonly command: string;
  readonly machine: string;
  /** Of fm-lora; left out by those kept before it was recorded. */
  readonly version?: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly metrics: RunMetrics;
}

/** Accuracies of one head. */
export interface Accuracies {
  readonly last: number | null;
  readonly average: number | null;
}

/** What a row promises. Null stands for what was not recorded. */
export interface ResultRow {
  readonly command: string;
  /** SHA-256 of the weight file, and over all images' names, classes and sizes: config.json's `identity`. */
  readonly weights: string | null;
  readonly data: string | null;
  readonly versions: {
    readonly "fm-lora": string | null;
    readonly node: string | null;
    readonly runtime: string | null;
  };
  readonly machine: string;
  readonly seconds: number;
  readonly accuracy: Readonly<Record<string, Accuracies>>;
  /** How far an accuracy may be from it, as a share. */
  readonly tolerance: number;
}

/** Half a point for what training and other processors' rounding do; a tenth where nothing is trained. */
const TRAINED = 0.005;
const FROZEN = 0.001;
/** At least so many images may be answered otherwise. */
const IMAGES = 2;

/** What a page says around its tables. */
export const pageOf = (name: string): Page =>
  JSON.parse(readFileSync(join(RESULTS, name, "page.json"), "utf8")) as Page;

/** Views that a run's drift map has unless told otherwise: one number, or those of tasks that differ. */
export const usualViews = ({ driftViews = 0 }: Page, config: KeptRun["config"]): readonly number[] =>
  config.drift === "ridge" ? [driftViews].flat() : [0];

/** Directions of a class with the mean number of images, unless a run is told otherwise. */
export const usualDirections = ({ directions = 4 }: Page): number => directions;

/**
 * A run's configuration in today's form. Views for the drift map are left out where they are the usual ones, or none are taken;
 * directions of classes where they are the usual ones.
 */
export function todaysConfig(
  page: Page,
  { config, metrics }: Pick<KeptRun, "config" | "metrics">,
): KeptRun["config"] {
  const current = currentDescription(config);
  const usual = usualViews(page, current);
  const headOptions: { driftViews?: number; directions?: number } = { ...(current.headOptions ?? {}) };
  const { driftViews, directions } = headOptions;
  const moves = (metrics.traits?.trains ?? "every task") === "every task" && metrics.taskNames.length > 1;
  const same = usual.length === 1 && driftViews === usual[0];
  if (same || (driftViews === 0 && !moves)) delete headOptions.driftViews;
  if (directions === usualDirections(page)) delete headOptions.directions;
  return { ...current, headOptions };
}

/** Kept runs of a page by their names, with their configurations in today's form. */
export function todaysRuns(name: string): ReadonlyMap<string, KeptRun> {
  const page = pageOf(name);
  const runs = [...keptRuns(name)];
  return new Map(runs.map(([file, run]) => [file, { ...run, config: todaysConfig(page, run) }]));
}

/** Kept runs of a page by their names. */
export function keptRuns(page: string): ReadonlyMap<string, KeptRun> {
  const files = readdirSync(join(RESULTS, page))
    .filter((file) => file.endsWith(".json") && file !== "page.json")
    .sort();
  return new Map(
    files.map((file) => [
      file.replace(/\.json$/, ""),
      JSON.parse(readFileSync(join(RESULTS, page, file), "utf8")) as KeptRun,
    ]),
  );
}

/** The rows of all pages by PAGE/RUN. */
export function resultsIndex(): Record<string, ResultRow> {
  const pages = readdirSync(RESULTS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const rows = pages.flatMap(({ name: page }) =>
    [...keptRuns(page)].map(([name, kept]) => [`${page}/${name}`, rowOf(kept)] as const),
  );
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The index as it lies on disk. */
export const indexText = (): string => `${JSON.stringify(resultsIndex(), null, 1)}\n`;

function rowOf({ command, machine, version, config, metrics }: KeptRun): ResultRow {
  const identity = (config.identity ?? {}) as { readonly weights?: string; readonly data?: string };
  const images = metrics.testImages.reduce((sum, count) => sum + count, 0);
  return {
    command,
    weights: identity.weights ?? null,
    data: identity.data ?? null,
    versions: {
      "fm-lora": version ?? null,
      node: /Node (\S+)/.exec(machine)?.[1] ?? null,
      runtime: (config.runtime as string | undefined) ?? null,
    },
    machine,
    seconds: Math.round(metrics.seconds),
    accuracy: accuraciesOf(metrics),
    tolerance: Number(Math.max(isFrozen(metrics) ? FROZEN : TRAINED, IMAGES / images).toPrecision(3)),
  };
}

/** Of every head, under the names that heads have today. */
export const accuraciesOf = ({ readouts }: Pick<RunMetrics, "readouts">): Record<string, Accuracies> =>
  Object.fromEntries(
    Object.entries(readouts).map(([name, { lastAccuracy, averageAccuracy }]) => [
      headName(name),
      { last: lastAccuracy, average: averageAccuracy },
    ]),
  );
