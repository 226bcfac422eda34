/** @file What a benchmark found out: how it is kept, printed and put into tables. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type NodeRuntimeOptions, nodeRuntime } from "../src/node/runtime/runtime.ts";
import { machine } from "./measure.ts";

/** A cell of a table. */
export type Cell = number | string;

/** One of those compared; keys are the headings of columns. */
export interface SideResult {
  readonly name: string;
  readonly values: Readonly<Record<string, Cell>>;
}

/** How one side stands to another. */
export interface Ratio {
  readonly name: string;
  /** The best values of both, divided. */
  readonly best: number;
  readonly median?: number;
  /** What was to be reached, where anything was. */
  readonly target?: { readonly atLeast: number } | { readonly atMost: number };
}

/** One comparison under the same conditions. */
export interface CaseResult {
  readonly name: string;
  readonly settings: Readonly<Record<string, Cell>>;
  readonly sides: readonly SideResult[];
  readonly ratios: readonly Ratio[];
}

/** All that a benchmark writes to results/NAME.json. */
export interface BenchmarkResult {
  readonly title: string;
  readonly what: string;
  readonly command: string;
  readonly date: string;
  readonly machine: Readonly<Record<string, Cell>>;
  readonly versions: Readonly<Record<string, string>>;
  readonly cases: readonly CaseResult[];
  /** A sentence each: what was left out, what to mind. */
  readonly notes: readonly string[];
}

/** Where the results of that name are. */
export const resultFile = (name: string): string =>
  fileURLToPath(new URL(`results/${name}.json`, import.meta.url));

/** The kept result of that name. @throws if there is none */
export const readResult = (name: string): BenchmarkResult =>
  JSON.parse(readFileSync(resultFile(name), "utf8")) as BenchmarkResult;

/** Versions and notes of a benchmark with PyTorch beside us: which one, or that there was none. */
export const besidePyTorch = (
  python: { readonly versions: Readonly<Record<string, string>> } | undefined,
  { threads, device }: Pick<NodeRuntimeOptions, "threads" | "device">,
): Pick<BenchmarkResult, "versions" | "notes"> => ({
  versions: { ...python?.versions, runtime: nodeRuntime({ threads, device }).name },
  notes: python === undefined ? ["PyTorch was not measured."] : [],
});

/** Prints a result, and keeps it unless it was a quick one. */
export function conclude(
  name: string,
  found: Omit<BenchmarkResult, "date" | "machine" | "command">,
  { quick, out }: { readonly quick: boolean; readonly out?: string | undefined },
): void {
  const result: BenchmarkResult = {
    title: found.title,
    what: found.what,
    command: ["npm run bench --", name, ...typedOptions()].join(" "),
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: found.versions,
    notes: found.notes,
    cases: found.cases,
  };
  console.log(`\n${result.title}\n${Object.values({ ...result.machine, ...result.versions }).join(", ")}`);
  for (const each of result.cases) console.log(`\n${caseText(each)}`);
  for (const note of result.notes) console.log(note);
  const file = out ?? (quick ? undefined : resultFile(name));
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`written: ${file}`);
}

/** What was typed, without what only this machine has. */
function typedOptions(): string[] {
  const words = process.argv.slice(2);
  return words.filter(
    (word, i) => ![word, words[i - 1]].some((each) => each === "--python" || each === "--out"),
  );
}

/** Sides that were timed in milliseconds a batch, in images per second. */
export const speedSides = (
  sides: readonly {
    readonly name: string;
    readonly microBatch: number;
    readonly best: number;
    readonly median: number;
    readonly peakMiB: Cell;
  }[],
  batch: number,
): SideResult[] =>
  sides.map(({ name, microBatch, best, median, peakMiB }) => ({
    name,
    values: {
      "micro-batch": microBatch,
      "images/s, best": rounded((1000 * batch) / best, 3),
      "images/s, median": rounded((1000 * batch) / median, 3),
      "peak MiB": peakMiB,
    },
  }));

/** A comparison by its best values and, where there are any, its medians. */
export function ratio(
  name: string,
  [best, median]: readonly [number, number?],
  target?: Ratio["target"],
): Ratio {
  return {
    name,
    best: rounded(best, 3),
    ...(median === undefined ? {} : { median: rounded(median, 3) }),
    ...(target === undefined ? {} : { target }),
  };
}

/** Whether the best value reached its target; null where there is none. */
export function reached({ best, target }: Ratio): boolean | null {
  if (target === undefined) return null;
  return "atLeast" in target ? best >= target.atLeast : best <= target.atMost;
}

/** "at least 2.3" */
export const targetText = ({ target }: Ratio): string => {
  if (target === undefined) return "–";
  return "atLeast" in target ? `at least ${target.atLeast}` : `at most ${target.atMost}`;
};

/** A number with so many significant digits. */
export const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));

function caseText({ name, settings, sides, ratios }: CaseResult): string {
  const head = [name, ...Object.entries(settings).map(([key, value]) => `${key} ${value}`)].join(", ");
  const columns = [...new Set(sides.flatMap(({ values }) => Object.keys(values)))];
  const rows = [
    ["", ...columns],
    ...sides.map((side) => [side.name, ...columns.map((key) => `${side.values[key] ?? "–"}`)]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  "),
  );
  const comparisons = ratios.map((each) => {
    const outcome = reached(each);
    const verdict = outcome === null ? "" : ` (${targetText(each)}: ${outcome ? "reached" : "NOT reached"})`;
    return `${each.name}: ${each.best}${each.median === undefined ? "" : `, median ${each.median}`}${verdict}`;
  });
  return [head, ...lines, ...comparisons].join("\n");
}
