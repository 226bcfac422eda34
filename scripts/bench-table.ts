/**
 * @file Writes what bench/results/*.json say into docs/benchmarks-speed.md.
 *
 *     npx tsx scripts/bench-table.ts
 *
 * Tables stand between markers, `<!-- speed -->` and `<!-- /speed -->`; a test holds the page and the files together.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  type BenchmarkResult,
  type CaseResult,
  type Ratio,
  reached,
  readResult,
  targetText,
} from "../bench/result.ts";
import { withMarked } from "./marked.ts";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Where they are. */
export const PAGE = path("../docs/benchmarks-speed.md");

/** What was to be reached, then everything. */
export const speedTables = (results: readonly BenchmarkResult[]): string =>
  `## What we aim at\n\n${ratioTable(results)}\n\n${allTables(results)}`;

/** All kept results, by name. */
export function keptResults(): BenchmarkResult[] {
  return readdirSync(path("../bench/results"))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => readResult(file.replace(/\.json$/, "")));
}

/** A page with what is between its markers replaced. @throws if it has none */
export function withTable(page: string, table: string): string {
  return withMarked(page, "speed", table);
}

/** Every result with its sides and its ratios. */
export function allTables(results: readonly BenchmarkResult[]): string {
  return results
    .map(({ title, what, command, date, machine, versions, cases, notes }) =>
      [
        `## ${title}`,
        what,
        ...cases.flatMap(caseTables),
        ...notes,
        `Measured on ${date}: ${named(machine)}; ${named(versions)}. Command: \`${command}\`.`,
      ].join("\n\n"),
    )
    .join("\n\n");
}

function caseTables({ name, settings, sides, ratios }: CaseResult): string[] {
  const columns = [...new Set(sides.flatMap(({ values }) => Object.keys(values)))];
  const rows = sides.map((side) => [side.name, ...columns.map((key) => `${side.values[key] ?? "–"}`)]);
  return [
    `**${[name, named(settings)].filter((text) => text !== "").join(", ")}**`,
    table(["", ...columns], rows),
    ...(ratios.length === 0 ? [] : [table(RATIO_HEADER, ratios.map(ratioRow))]),
  ];
}

const RATIO_HEADER = ["ratio", "best", "median", "target", "reached"];

function ratioRow(ratio: Ratio): string[] {
  const outcome = reached(ratio);
  const verdict = outcome === null ? "–" : outcome ? "yes" : "no";
  return [ratio.name, `${ratio.best}`, `${ratio.median ?? "–"}`, targetText(ratio), verdict];
}

/** What was to be reached in speed, over all results. */
export function ratioTable(results: readonly BenchmarkResult[]): string {
  const wanted = ({ name, target }: Ratio): boolean => name.startsWith("speed") && target !== undefined;
  const rows = results.flatMap(({ cases }) =>
    cases.flatMap(({ name, ratios }) => ratios.filter(wanted).map((ratio) => [name, ...ratioRow(ratio)])),
  );
  return table(["", ...RATIO_HEADER], rows, 2);
}

/** The first `texts` columns are text, all others numbers. */
function table(header: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const ruler = header.map((_, column) => (column < texts ? ":---" : "---:"));
  return [header, ruler, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const named = (values: Readonly<Record<string, string | number>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8"), speedTables(keptResults())));
}
