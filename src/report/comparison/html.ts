/** @file A comparison as one self-contained HTML page: curves and values with error bars, and every table. */
import type { Verdict } from "../../metrics/paired.ts";
import type { ChartDocument } from "../document.ts";
import { decimal, escapeHtml } from "../format.ts";
import { pageHtml, section, tableHtml, wide } from "../page.ts";
import {
  type Curve,
  curvesWithSpread,
  lineStyle,
  MOST_LINES,
  type SpotRow,
  spotOf,
  spotRows,
} from "./charts.ts";
import { areNumbers, type ComparedRow, type ComparedTable, type Comparison } from "./compare.ts";
import { type CellTable, cellTables } from "./tables.ts";
import { apartText } from "./text.ts";

/** @param document - What charts are drawn with; nothing is added to it. */
export function comparisonHtml(document: ChartDocument, { tables, apart }: Comparison): string {
  const [only] = tables;
  const runs = tables.flatMap(({ rows }) => rows.flatMap((row) => row.runs));
  const seeds = new Set(runs.map(({ seed }) => seed)).size;
  const about = [
    ...(tables.length === 1 ? [only!.setting] : [`${tables.length} settings`]),
    seeds === 1 ? "1 seed" : `${seeds} seeds`,
    "mean ± standard deviation over runs",
  ];
  const body = tables.map((table) => {
    const notes = table.notes.map((note) => `<li>${escapeHtml(note)}</li>`).join("");
    const list = notes === "" ? "" : `<ul class="notes">${notes}</ul>`;
    const heading =
      tables.length === 1 && notes === ""
        ? ""
        : section(tables.length === 1 ? "Notes" : table.setting, "", list);
    return heading + sections(document, table);
  });
  const why = apartText(apart).map((text) => `<p class="caption">${escapeHtml(text)}</p>`);
  return pageHtml("Comparison of runs", about, [...why, ...body].join("\n"));
}

function sections(document: ChartDocument, table: ComparedTable): string {
  const [numbers, ...more] = cellTables(table);
  const differences = table.differences.length === 0 ? [] : more.slice(-1);
  const rest = more.filter((each) => !differences.includes(each));
  return [
    curves(document, table.rows),
    lastAccuracy(document, table),
    section(
      "Numbers",
      "Over frozen LDA: last accuracy in points above linear discriminant analysis on the untouched backbone, over common seeds; and that by megabyte of state. Trained: numbers in the task that trains most. Passes: forward passes an image.",
      cellTableHtml(numbers!),
    ),
    ...differences.map((each) =>
      section(
        `Differences from ${table.reference}`,
        "In points, paired by seed, with their 95 % intervals. Tie: the interval holds zero. One seed, or the same difference for all seeds, decides nothing.",
        cellTableHtml(each),
      ),
    ),
    ...rest.map((each) => section(each.caption.replace(/:$/, "") || "Methods", "", cellTableHtml(each))),
  ].join("");
}

function curves(document: ChartDocument, rows: readonly ComparedRow[]): string {
  const streams = rows.filter(({ runs }) => runs.every(({ accuracyMicro }) => evaluated(accuracyMicro) > 1));
  const drawn = streams.slice(0, MOST_LINES);
  if (drawn.length === 0) return "";
  const key = drawn.map((row, k) => {
    const { color, dashes } = lineStyle(k);
    const line = `<svg class="line" width="26" height="6" aria-hidden="true"><path d="M1 3h24" stroke="${color}" stroke-width="2.5" stroke-dasharray="${dashes}"/></svg>`;
    return `<li>${line}${escapeHtml(nameOf(row, rows))}</li>`;
  });
  const left =
    streams.length > drawn.length ? ` The first ${drawn.length} of ${streams.length} are drawn.` : "";
  return section(
    "Accuracy over tasks",
    `Correct over all test images seen so far (micro); bars are one standard deviation over runs each way.${left}`,
    `<ul class="key">${key.join("")}</ul>${wide(curvesWithSpread(document, drawn.map(curveOf)))}`,
  );
}

const evaluated = (values: readonly (number | null)[] = []): number =>
  values.filter((value) => value !== null).length;

function curveOf({ runs }: ComparedRow): Curve {
  const tasks = Math.min(...runs.map(({ accuracyMicro }) => accuracyMicro.length));
  return Array.from({ length: tasks }, (_, t) => {
    const values = runs.map(({ accuracyMicro }) => accuracyMicro[t]);
    return areNumbers(values) ? spotOf(values) : null;
  });
}

/** With its head only where one label has several. */
function nameOf({ label, readout }: ComparedRow, rows: readonly ComparedRow[]): string {
  return rows.filter((row) => row.label === label).length > 1 ? `${label}, ${readout}` : label;
}

/** Values beside differences. */
function lastAccuracy(document: ChartDocument, table: ComparedTable): string {
  const { rows } = table;
  const spots = rows.flatMap((row): SpotRow[] => {
    const values: readonly (number | null)[] = row.runs.map((run) => run.lastAccuracy);
    if (!areNumbers(values)) return [];
    const color = row.frozen ? "var(--muted)" : "var(--line-0)";
    return [
      { label: nameOf(row, rows), spot: spotOf(values), values: values.map((value) => 100 * value), color },
    ];
  });
  if (spots.length === 0) return "";
  const frozen = spots.filter((_, k) => rows[k]!.frozen).map(({ spot }) => spot.mean);
  const best = frozen.length === 0 ? undefined : Math.max(...frozen);
  const line = best === undefined ? "" : ` Dashed: the best of them, ${decimal(best, 1)} %.`;
  const panels = [
    panel("In %", spotRows(document, spots, { label: "last accuracy, %", at: best })),
    ...differencePanel(document, table),
  ];
  return section(
    "Last accuracy",
    `Large dots are means, bars one standard deviation each way, circles single runs; gray rows train nothing.${line}`,
    `<div class="panels">${panels.join("")}</div>`,
  );
}

const panel = (title: string, chart: string): string =>
  `<div><h3>${escapeHtml(title)}</h3>${wide(chart)}</div>`;

const COLORS: Readonly<Record<Verdict, string>> = {
  higher: "var(--line-2)",
  lower: "var(--line-1)",
  tie: "var(--muted)",
  "one seed": "var(--muted)",
  "no spread": "var(--muted)",
};

function differencePanel(document: ChartDocument, { reference, rows, differences }: ComparedTable): string[] {
  const spots = differences.flatMap(({ row, last }): SpotRow[] => {
    if (typeof last === "string") return [];
    const [mean, low, high] = [last.mean, ...(last.interval ?? [last.mean, last.mean])].map(
      (value) => 100 * value,
    ) as [number, number, number];
    return [{ label: nameOf(row, rows), spot: { mean, low, high }, values: [], color: COLORS[last.verdict] }];
  });
  if (spots.length === 0) return [];
  const label = "points, with 95 % interval; gray decides nothing";
  return [panel(`Less that of ${reference}`, spotRows(document, spots, { label, at: 0 }))];
}

function cellTableHtml({ columns, rows }: CellTable): string {
  const long = columns.length === 2; // what methods are, in words
  const table = tableHtml(
    columns.map(({ title, left }, k) =>
      left === true ? { title, class: long && k === 1 ? "text" : "left" } : { title },
    ),
    rows,
  );
  return `<div class="many">${table}</div>`;
}
