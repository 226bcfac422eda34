/** @file The accuracy matrix. */
import { heatMap } from "../charts.ts";
import { escapeHtml, percent } from "../format.ts";
import { LONGEST_LIST, ramp, section } from "../page.ts";
import type { Section } from "../section.ts";

/** R[t][i] as a heat map from 0 to 100 %, whatever the run's own range, so that reports compare. */
export const accuracyMatrix: Section = ({ document, metrics }) => {
  const all = metrics.accuracyMatrix.map((row, t) => ({ row, after: String(t + 1) }));
  const evaluated = all.filter(({ row }) => row.some((value) => value !== null));
  if (evaluated.length === 0) return "";
  const matrix = evaluated.map(({ row }) => row);
  const tasks = Math.max(...matrix.map((row) => row.length));
  const columns = Array.from({ length: tasks }, (_, i) => String(i + 1));
  const chart = heatMap(document, {
    columns,
    rows: evaluated.map(({ after }) => after),
    columnTitle: "accuracy on task",
    rowTitle: "after task",
    cells: matrix.map((row) => columns.map((_, i) => row[i] ?? null)),
    level: (value) => value,
    text: (value) => percent(value),
  });
  // Where cells are too small for numbers, the numbers are still there to read.
  const numbers =
    tasks <= LONGEST_LIST
      ? ""
      : `<details><summary>Numbers, in %</summary><pre>${matrix
          .map((row) => row.map((value) => (value === null ? "–" : percent(value)).padStart(5)).join(" "))
          .join("\n")}</pre></details>`;
  const ahead = all.some(({ row }, t) => row.slice(t + 1).some((value) => value !== null))
    ? " Right of the diagonal: tasks not trained yet; of the summaries, forward transfer alone uses them."
    : "";
  const gaps =
    evaluated.length < all.length ? " Rows of tasks after which nothing was evaluated are left out." : "";
  return section(
    "Accuracy matrix",
    `Readout ${escapeHtml(metrics.readout)}, in %.${ramp("0", "100")}${ahead}${gaps}`,
    `<div class="wide">${chart}</div>${numbers}`,
  );
};
