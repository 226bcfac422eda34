/** @file A comparison as CSV: a row for every run under every readout that is shown, numbers as they were measured. */
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { printable } from "../format.ts";
import { type ComparedRow, type ComparedTable, type Comparison, partnerIn } from "./compare.ts";
import { finalState, trainedNumbers } from "./tables.ts";

type Cell = string | number | null | undefined;

const COLUMNS: Readonly<Record<string, (run: RunMetrics, row: ComparedRow, table: ComparedTable) => Cell>> = {
  setting: (_run, _row, { setting }) => setting,
  method: (_, { label }) => label,
  readout: (_, { readout }) => readout,
  seed: ({ seed }) => seed,
  order_seed: ({ orderSeed }) => orderSeed,
  tasks: ({ testImages }) => testImages.length,
  last_accuracy: ({ lastAccuracy }) => lastAccuracy,
  average_accuracy: ({ averageAccuracy }) => averageAccuracy,
  forgetting: ({ forgetting }) => forgetting,
  backward_transfer: ({ backwardTransfer }) => backwardTransfer,
  forward_transfer: ({ forwardTransfer }) => forwardTransfer,
  anytime_accuracy: ({ anytimeAccuracy }) => anytimeAccuracy,
  state_bytes: finalState,
  trained_numbers: trainedNumbers,
  forward_passes: ({ traits }) => traits?.forwardPasses,
  images_per_second: ({ imagesPerSecond }) => imagesPerSecond,
  seconds: ({ seconds }) => seconds,
  last_over_frozen_lda: (run, row, { baseline }) => (row === baseline ? null : lastOver(run, baseline)),
  reference: (_run, row, table) => against(row, table)?.label,
  reference_readout: (_run, row, table) => against(row, table)?.readout,
  last_difference: (run, row, table) => lastOver(run, against(row, table)),
  average_difference: (run, row, table) => {
    const side = against(row, table);
    const other = side === undefined ? undefined : partnerIn(side, run);
    // An average over other tasks is another number.
    const same = other !== undefined && other.testImages.length === run.testImages.length;
    return same ? less(run.averageAccuracy, other.averageAccuracy) : null;
  },
};

/** Lines end as RFC 4180 has it. */
export function comparisonCsv({ tables }: Comparison): string {
  const rows = tables.flatMap((table) =>
    table.rows.flatMap((row) =>
      row.runs.map((run) => Object.values(COLUMNS).map((value) => value(run, row, table))),
    ),
  );
  return [Object.keys(COLUMNS), ...rows].map((cells) => `${cells.map(field).join(",")}\r\n`).join("");
}

function against(row: ComparedRow, { differences }: ComparedTable): ComparedRow | undefined {
  const found = differences.find((each) => each.row === row);
  return found === undefined || found.last === "other readout" ? undefined : found.against;
}

/** From the run that the same seeds drove. */
const lastOver = (run: RunMetrics, row: ComparedRow | undefined): number | null =>
  less(run.lastAccuracy, (row === undefined ? undefined : partnerIn(row, run))?.lastAccuracy ?? null);

const less = (own: number | null, other: number | null): number | null =>
  own === null || other === null ? null : own - other;

/** Empty for what was not measured. A text that a spreadsheet would take for a formula begins with a quote. */
function field(cell: Cell): string {
  if (cell === null || cell === undefined || (typeof cell === "number" && !Number.isFinite(cell))) return "";
  if (typeof cell === "number") return String(cell);
  const text = printable(cell).replace(/^[=+\-@]/, "'$&");
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
