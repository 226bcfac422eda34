/** @file The accuracy matrix. */
import { heatMap } from "../charts.ts";
import { escapeHtml, percent } from "../format.ts";
import { folded, LONGEST_LIST, ramp, section, wide } from "../page.ts";
import type { Section } from "../section.ts";
import { taskLabels } from "../task-labels.ts";

/** R[t][i] as a heat map from 0 to 100 %, whatever the run's own range, so that reports compare. */
export const accuracyMatrix: Section = ({ document, metrics, history }) => {
  const labels = taskLabels(metrics, history);
  const all = metrics.accuracyMatrix.map((row, t) => ({ row, after: labels[t]! }));
  const evaluated = all.filter(({ row }) => row.some((value) => value !== null));
  if (evaluated.length === 0 || all.length < 2) return ""; // one number stands at the top of the page
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
      : folded(
          "Numbers, in %",
          `<pre tabindex="0">${matrix
            .map((row) => row.map((value) => (value === null ? "–" : percent(value)).padStart(5)).join(" "))
            .join("\n")}</pre>`,
        );
  const ahead = all.some(({ row }, t) => row.slice(t + 1).some((value) => value !== null))
    ? " Right of the diagonal: tasks not trained yet; of the summaries, forward transfer alone uses them."
    : "";
  const gaps =
    evaluated.length < all.length ? " Rows of tasks after which nothing was evaluated are left out." : "";
  return section(
    "Accuracy matrix",
    `Readout ${escapeHtml(metrics.readout)}, in %.${ramp("0", "100")}${ahead}${gaps}`,
    wide(chart) + numbers,
  );
};
