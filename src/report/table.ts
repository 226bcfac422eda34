/** @file One run as plain-text or Markdown tables. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { bytes, decimal, duration, percent, printable, rate, shorten } from "./format.ts";
import { benchmarkText, lastDomains, summaryNumbers } from "./summary.ts";
import { escapeMarkdown, formatTable, type TableFormat } from "./text-table.ts";

/** What a terminal shows in one line. */
const TERMINAL = 80;
/** A name of this many characters still leaves a row in a terminal. */
const LONGEST_NAME = 20;
/** Of more tasks, every second one is shown, or every third, and so on. */
const MOST_ROWS = 100;

/** How `runTable` writes. */
export interface RunTableOptions {
  /** Default "text". */
  readonly format?: TableFormat;
}

/** The end of a run: accuracy, state and time after every task, the summary, and every readout where there are several. */
export function runTable(metrics: RunMetrics, options: RunTableOptions = {}): string {
  const format = options.format ?? "text";
  const tasks = metrics.accuracyMatrix.length;
  const step = Math.ceil(tasks / MOST_ROWS);
  const allRows = metrics.accuracyMatrix.map((row, t) => [
    String(t + 1),
    percent(metrics.accuracyMicro[t]),
    percent(metrics.accuracyMacro[t]),
    percent(row[t]),
    bytes(metrics.stateBytes[t] ?? Number.NaN),
    decimal(metrics.taskSeconds[t] ?? Number.NaN, 1),
    // Last, so that a name of double-width characters shifts nothing.
    format === "text" ? shorten(metrics.taskNames[t] ?? "", LONGEST_NAME) : (metrics.taskNames[t] ?? ""),
  ]);
  const rows = allRows.filter((_, t) => (t + 1) % step === 0 || t === tasks - 1);
  const parts = [
    `${metrics.method} on ${benchmarkText(metrics)}, ${metrics.backbone}, seed ${metrics.seed}, order seed ${metrics.orderSeed ?? "none"}, readout ${metrics.readout}`,
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
      TERMINAL,
    ),
    [
      `last ${percent(metrics.lastAccuracy)} % (micro)`,
      `average ${percent(metrics.averageAccuracy)} % (micro)`,
      ...(metrics.baseline === undefined
        ? []
        : [`no training ${percent(metrics.baseline.lastAccuracy)} % (frozen ${metrics.baseline.method})`]),
      ...(metrics.anytimeAccuracy === null ? [] : [`anytime ${percent(metrics.anytimeAccuracy)} % (A_AUC)`]),
      `forgetting ${percent(metrics.forgetting)} points`,
      `backward transfer ${percent(metrics.backwardTransfer)} points`,
      ...(metrics.forwardTransfer === null
        ? []
        : [`forward transfer ${percent(metrics.forwardTransfer)} points`]),
      ...(metrics.imagesPerSecond > 0 ? [`${rate(metrics.imagesPerSecond)} training images/s`] : []),
      duration(metrics.seconds),
    ].join(format === "text" ? "\n" : ", "),
  ];
  const domains = lastDomains(metrics.domainNames, metrics);
  if (domains.length > 1)
    parts.push(
      formatTable(
        [{ title: "domain", left: true }, { title: "last %" }],
        domains.map(({ name, accuracy }) => [name, percent(accuracy)]),
        format,
        TERMINAL,
      ),
    );
  const readouts = Object.entries(metrics.readouts);
  const numbers = summaryNumbers(Object.values(metrics.readouts));
  if (readouts.length > 1)
    parts.push(
      formatTable(
        [{ title: "readout", left: true }, ...numbers],
        readouts.map(([name, readout]) => [
          name === metrics.readout ? `${name} (reported)` : name,
          ...numbers.map(({ value }) => percent(value(readout))),
        ]),
        format,
        TERMINAL,
      ),
    );
  parts[0] = format === "text" ? printable(parts[0]!) : escapeMarkdown(parts[0]!);
  return `${parts.join("\n\n")}\n`;
}
