/** @file The tables of a comparison as cells: for text, Markdown and HTML alike. */
import { spread } from "../../metrics/paired.ts";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { bytes, count, decimal, duration, percent } from "../format.ts";
import { lastDomains, summaryNumbers, traitsText } from "../summary.ts";
import type { Column } from "../text-table.ts";
import { areNumbers, type ComparedRow, type ComparedTable, type Outcome } from "./compare.ts";

/** One table under its sentence. */
export interface CellTable {
  /** "" for the first, which needs none. */
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** Numbers first, then what the methods are, domains where there are several, and differences from the reference. */
export function cellTables(table: ComparedTable): CellTable[] {
  return [numbers(table), traits(table), domains(table), differences(table)].filter(
    ({ rows }) => rows.length > 0,
  );
}

/** In metrics.json and the CSV file; in a table they say what forgetting says. */
const NOT_SHOWN = ["backward transfer"];

function numbers({ rows }: ComparedTable): CellTable {
  const summary = summaryNumbers(rows.flatMap(({ runs }) => runs)).filter(
    ({ title }) => !NOT_SHOWN.includes(title),
  );
  const titles = ["runs", ...summary.map(({ title }) => title), "state"];
  const more = ["over frozen LDA", "per MB", "trained", "passes", "time"];
  return {
    caption: "",
    columns: [
      { title: "method", left: true },
      { title: "readout", left: true },
      ...[...titles, ...more].map((title) => ({ title })),
    ],
    rows: rows.map((row) => {
      const { runs } = row;
      const mean = (value: (run: RunMetrics) => number): number => spread(runs.map(value)).mean;
      return [
        row.label,
        row.readout,
        String(runs.length),
        ...summary.map(({ value, ofStream }) =>
          ofStream && !runs.every(isStream) ? "–" : meanAndDeviation(runs.map(value)),
        ),
        bytes(mean(finalState)),
        signed(row.overFrozen),
        row.overFrozenPerMegabyte === null ? "–" : decimal(100 * row.overFrozenPerMegabyte, 2),
        count(mean(trainedNumbers)),
        passesOf(row),
        duration(mean(({ seconds }) => seconds)),
      ];
    }),
  };
}

/** Average and forgetting are over tasks: with one task there is nothing to tell. */
const isStream = (run: RunMetrics): boolean => run.testImages.length > 1;

/** Bytes that are kept after the last task. */
export const finalState = ({ stateBytes }: RunMetrics): number => stateBytes.at(-1) ?? Number.NaN;

/** Numbers that the task trains which trains most. */
export const trainedNumbers = ({ trainableParameters = [] }: RunMetrics): number =>
  trainableParameters.length === 0 ? Number.NaN : Math.max(...trainableParameters);

const passesOf = ({ runs: [run] }: ComparedRow): string => String(run?.traits?.forwardPasses ?? "–");

/** What the methods train, keep and cost, each once; none where no run says it. */
function traits({ rows }: ComparedTable): CellTable {
  const byLabel = new Map(rows.map(({ label, runs: [run] }) => [label, run?.traits]));
  return {
    caption: "",
    columns: [
      { title: "method", left: true },
      { title: "trains, keeps, costs", left: true },
    ],
    rows: [...byLabel].flatMap(([label, own]) => (own === undefined ? [] : [[label, traitsText(own)]])),
  };
}

/** Accuracy on each domain after the last task; none where no run has test images of several domains. */
function domains({ rows }: ComparedTable): CellTable {
  const all = rows.map(({ label, readout, runs }) => ({
    start: [label, readout],
    runs: runs.map((run) => lastDomains(run.domainNames, run)),
  }));
  const names = [...new Set(all.flatMap(({ runs }) => runs.flatMap((own) => own.map(({ name }) => name))))];
  return {
    caption: "Last accuracy by domain, in %:",
    columns: [
      { title: "method", left: true },
      { title: "readout", left: true },
      ...names.map((title) => ({ title })),
    ],
    rows:
      names.length < 2
        ? []
        : all.map(({ start, runs }) => [
            ...start,
            ...names.map((name) =>
              meanAndDeviation(runs.map((own) => own.find((each) => each.name === name)?.accuracy)),
            ),
          ]),
  };
}

function differences({ reference, differences }: ComparedTable): CellTable {
  return {
    caption: `Difference from ${reference} in points, paired by seed, with its 95 % interval:`,
    columns: [
      { title: "method", left: true },
      { title: "readout", left: true },
      { title: "pairs" },
      { title: "last" },
      { title: "verdict", left: true },
      { title: "average" },
      { title: "verdict", left: true },
    ],
    rows: differences.map(({ row, against, pairs, last, average }) => [
      row.label,
      row.readout === against.readout || pairs === 0 ? row.readout : `${row.readout} − ${against.readout}`,
      String(pairs),
      ...outcomeCells(last),
      ...outcomeCells(average),
    ]),
  };
}

/** The difference with its interval, and the verdict or why there is none. */
function outcomeCells(outcome: Outcome): [difference: string, verdict: string] {
  if (typeof outcome === "string") return ["–", outcome];
  const { mean, interval, verdict } = outcome;
  const range = interval === null ? "" : ` (${signed(interval[0])} to ${signed(interval[1])})`;
  return [`${signed(mean)}${range}`, verdict];
}

/** "–" where a run has no such number: a mean over the others would look like one over all. */
function meanAndDeviation(fractions: readonly (number | null | undefined)[]): string {
  if (!areNumbers(fractions)) return "–";
  const { mean, standardDeviation } = spread(fractions);
  return standardDeviation === null ? percent(mean) : `${percent(mean)} ± ${percent(standardDeviation)}`;
}

function signed(fraction: number | null): string {
  const text = percent(fraction);
  return Number(text) > 0 ? `+${text}` : text;
}
