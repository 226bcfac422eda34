/** @file Results as plain-text and Markdown tables: one run, and methods compared over seeds. */

import { pairedDifference, spread } from "../metrics/paired.ts";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { InputError } from "../tensor/errors.ts";
import { bytes, count, decimal, duration, percent, printable, rate } from "./format.ts";

/** Columns padded for a terminal, or a Markdown table. */
type TableFormat = "text" | "markdown";

/** How `runTable` writes. */
export interface RunTableOptions {
  /** Default "text". */
  readonly format?: TableFormat;
}

/** What `comparisonTable` compares, and how it writes. */
export interface ComparisonOptions {
  /** Default "markdown". */
  readonly format?: TableFormat;
  /** The label that the others are compared with; default: that of the first run. */
  readonly reference?: string;
  /** What a run is grouped by; default its method. Needed where one method ran with several settings. */
  readonly label?: (run: RunMetrics) => string;
}

interface Column {
  readonly title: string;
  readonly left?: boolean;
}

/** The end of a run: accuracy, state and time after every task, the summary, and every readout where there are several. */
export function runTable(metrics: RunMetrics, options: RunTableOptions = {}): string {
  const format = options.format ?? "text";
  const rows = metrics.accuracyMatrix.map((row, t) => [
    String(t + 1),
    percent(metrics.accuracyMicro[t]),
    percent(metrics.accuracyMacro[t]),
    percent(row[t]),
    bytes(metrics.stateBytes[t] ?? Number.NaN),
    decimal(metrics.taskSeconds[t] ?? Number.NaN, 1),
    // Last, so that a name of double-width characters shifts nothing.
    metrics.taskNames[t] ?? "",
  ]);
  const parts = [
    `${metrics.method} on ${metrics.benchmark}, ${metrics.backbone}, seed ${metrics.seed}, order seed ${metrics.orderSeed ?? "none"}, readout ${metrics.readout}`,
    formatTable(
      [
        { title: "after task" },
        { title: "micro %" },
        { title: "macro %" },
        { title: "new task %" },
        { title: "state" },
        { title: "seconds" },
        { title: "name", left: true },
      ],
      rows,
      format,
    ),
    [
      `last ${percent(metrics.lastAccuracy)} % (micro)`,
      `average ${percent(metrics.averageAccuracy)} % (micro)`,
      `forgetting ${percent(metrics.forgetting)} points`,
      `backward transfer ${percent(metrics.backwardTransfer)} points`,
      `${rate(metrics.imagesPerSecond)} training images/s`,
      duration(metrics.seconds),
    ].join(format === "text" ? "\n" : ", "),
  ];
  const readouts = Object.entries(metrics.readouts);
  if (readouts.length > 1)
    parts.push(
      formatTable(
        [
          { title: "readout", left: true },
          { title: "last %" },
          { title: "average %" },
          { title: "forgetting" },
          { title: "backward transfer" },
        ],
        readouts.map(([name, readout]) => [
          name === metrics.readout ? `${name} (reported)` : name,
          percent(readout.lastAccuracy),
          percent(readout.averageAccuracy),
          percent(readout.forgetting),
          percent(readout.backwardTransfer),
        ]),
        format,
      ),
    );
  parts[0] = format === "text" ? printable(parts[0]!) : escapeMarkdown(parts[0]!);
  return `${parts.join("\n\n")}\n`;
}

/**
 * Methods side by side: mean ± standard deviation over their runs, then each method's paired difference from the
 * reference over the seeds both ran, with a 95 % t interval and "tie" where it holds zero. Runs on different
 * benchmarks or backbones go into tables of their own.
 */
export function comparisonTable(runs: readonly RunMetrics[], options: ComparisonOptions = {}): string {
  if (runs.length === 0) throw new InputError("comparison: no runs; give at least one metrics.json");
  const format = options.format ?? "markdown";
  const label = options.label ?? ((run: RunMetrics) => run.method);
  const reference = options.reference ?? label(runs[0]!);
  if (!runs.some((run) => label(run) === reference))
    throw new InputError(
      `comparison: no run of the reference ${reference}; there are ${[...new Set(runs.map(label))].join(", ")}`,
    );
  const settings = groupBy(runs, setting);
  const parts: string[] = [];
  for (const [setting, settingRuns] of settings) {
    const groups = groupBy(settingRuns, label);
    for (const [name, group] of groups) refuseRepeatedSeed(name, group);
    parts.push(
      format === "text" ? printable(setting) : `**${escapeMarkdown(setting)}**`,
      spreadTable(groups, format),
    );
    const referenceRuns = groups.get(reference);
    if (referenceRuns !== undefined && groups.size > 1)
      parts.push(
        `Difference from ${format === "text" ? printable(reference) : escapeMarkdown(reference)} in points, paired by seed, with its 95 % interval:`,
        differenceTable(groups, reference, referenceRuns, format),
      );
  }
  return `${parts.join("\n\n")}\n`;
}

function spreadTable(groups: ReadonlyMap<string, readonly RunMetrics[]>, format: TableFormat): string {
  const rows = [...groups].map(([name, group]) => {
    const average = (value: (run: RunMetrics) => number): number => spread(group.map(value)).mean;
    return [
      name,
      [...new Set(group.map((run) => run.readout))].join(", "),
      String(group.length),
      meanAndDeviation(group.map((run) => run.lastAccuracy)),
      ...(group.every(isStream)
        ? [
            meanAndDeviation(group.map((run) => run.averageAccuracy)),
            meanAndDeviation(group.map((run) => run.forgetting)),
          ]
        : ["–", "–"]),
      bytes(average((run) => run.stateBytes.at(-1) ?? Number.NaN)),
      rate(average((run) => run.imagesPerSecond)),
      duration(average((run) => run.seconds)),
    ];
  });
  const titles = ["runs", "last %", "average %", "forgetting", "state", "images/s", "time"];
  return formatTable(
    [
      { title: "method", left: true },
      { title: "readout", left: true },
      ...titles.map((title) => ({ title })),
    ],
    rows,
    format,
  );
}

function differenceTable(
  groups: ReadonlyMap<string, readonly RunMetrics[]>,
  reference: string,
  referenceRuns: readonly RunMetrics[],
  format: TableFormat,
): string {
  const bySeed = new Map(referenceRuns.map((run) => [seeds(run), run]));
  const rows = [...groups]
    .filter(([name]) => name !== reference)
    .map(([name, group]) => {
      const pairs = group.flatMap((run) => {
        const other = bySeed.get(seeds(run));
        return other === undefined ? [] : [[run, other] as const];
      });
      if (pairs.length === 0) return [name, "0", "–", "no common seed", "–", "no common seed"];
      const cells = (value: (run: RunMetrics) => number): string[] => {
        const difference = pairedDifference(
          pairs.map(([run]) => value(run)),
          pairs.map(([, other]) => value(other)),
        );
        const interval = difference.interval;
        return [
          interval === null
            ? signed(difference.mean)
            : `${signed(difference.mean)} (${signed(interval[0])} to ${signed(interval[1])})`,
          difference.verdict,
        ];
      };
      return [
        name,
        String(pairs.length),
        ...cells((run) => run.lastAccuracy),
        ...(pairs.every(([run, other]) => run.testImages.length === other.testImages.length)
          ? cells((run) => run.averageAccuracy)
          : ["–", "other tasks"]),
      ];
    });
  return formatTable(
    [
      { title: "method", left: true },
      { title: "pairs" },
      { title: "last" },
      { title: "verdict", left: true },
      { title: "average" },
      { title: "verdict", left: true },
    ],
    rows,
    format,
  );
}

function groupBy(runs: readonly RunMetrics[], key: (run: RunMetrics) => string): Map<string, RunMetrics[]> {
  const groups = new Map<string, RunMetrics[]>();
  for (const run of runs) {
    const group = groups.get(key(run));
    if (group === undefined) groups.set(key(run), [run]);
    else group.push(run);
  }
  return groups;
}

/** What runs must share to be compared: also the images that accuracy is a share of. */
function setting({ benchmark, backbone, testImages, evaluatedOn }: RunMetrics): string {
  const images = testImages.reduce((sum, count) => sum + count, 0);
  return `${benchmark}, ${backbone}, ${count(images)} ${evaluatedOn} images`;
}

/** Average and forgetting are over tasks: with one task there is nothing to tell. */
const isStream = (run: RunMetrics): boolean => run.testImages.length > 1;

/** Two runs pair where the same seeds drove both. */
function seeds(run: RunMetrics): string {
  return `${run.seed}/${run.orderSeed}`;
}

function refuseRepeatedSeed(name: string, group: readonly RunMetrics[]): void {
  const seen = new Set<string>();
  for (const run of group) {
    if (seen.has(seeds(run)))
      throw new InputError(
        `comparison: two runs of ${name} have seed ${run.seed} and order seed ${run.orderSeed ?? "none"}; give runs with different settings different labels`,
      );
    seen.add(seeds(run));
  }
}

function meanAndDeviation(fractions: readonly number[]): string {
  const { mean, standardDeviation } = spread(fractions);
  return standardDeviation === null ? percent(mean) : `${percent(mean)} ± ${percent(standardDeviation)}`;
}

function signed(fraction: number): string {
  const text = percent(fraction);
  return Number(text) > 0 ? `+${text}` : text;
}

function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  format: TableFormat,
): string {
  const clean = rows.map((row) => row.map(format === "text" ? printable : escapeMarkdown));
  if (format === "markdown")
    return [
      columns.map((column) => column.title),
      columns.map((column) => (column.left ? ":---" : "---:")),
      ...clean,
    ]
      .map((row) => `| ${row.join(" | ")} |`)
      .join("\n");
  const lines = [columns.map((column) => column.title), ...clean];
  const widths = columns.map((_, k) => Math.max(...lines.map((line) => [...line[k]!].length)));
  return lines
    .map((line) =>
      line
        .map((cell, k) => {
          const padding = " ".repeat(widths[k]! - [...cell].length);
          return columns[k]!.left ? cell + padding : padding + cell;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function escapeMarkdown(text: string): string {
  return printable(text).replace(/[\\`*[\]|<>&]/g, "\\$&");
}
