/** @file The report's charts and tables, one function a section; "" where a run has no data for it. */

import type { RunMetrics } from "../metrics/run-metrics.ts";
import { accuracyCurves, heatMap, lossCurve, taskBars } from "./charts.ts";
import { bytes, count, decimal, escapeHtml, percent, shorten } from "./format.ts";
import type { RunHistory } from "./history.ts";
import { groupSites } from "./site-ranks.ts";
import { HEAT_LEVELS, LINE_COLOURS } from "./style.ts";

/** Beyond this many, lists end in "and N more". */
const LONGEST_LIST = 20;

/** A card of the page. `body` and `caption` are HTML, `title` is text. */
export function section(title: string, caption: string, body: string): string {
  const captionHtml = caption === "" ? "" : `<p class="caption">${caption}</p>`;
  return `<section><h2>${escapeHtml(title)}</h2>${captionHtml}${body}</section>\n`;
}

/** A table of texts; a column is numeric unless its class says otherwise. */
export function tableHtml(
  columns: readonly { readonly title: string; readonly class?: "left" | "text" }[],
  rows: readonly (readonly string[])[],
): string {
  const attribute = (k: number): string =>
    columns[k]?.class === undefined ? "" : ` class="${columns[k].class}"`;
  const head = columns.map((column, k) => `<th${attribute(k)}>${escapeHtml(column.title)}</th>`).join("");
  const body = rows
    .map((row) => `<tr>${row.map((cell, k) => `<td${attribute(k)}>${escapeHtml(cell)}</td>`).join("")}</tr>`)
    .join("\n");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

/** Micro accuracy over tasks, a line per readout, and a table of their summaries. */
export function accuracySection(metrics: RunMetrics): string {
  // The reported readout comes first: its line is the strongest.
  const others = Object.entries(metrics.readouts).filter(([name]) => name !== metrics.readout);
  const readouts = [[metrics.readout, metrics] as const, ...others];
  const drawn = readouts.slice(0, LINE_COLOURS);
  const key = drawn
    .map(
      ([name, readout], k) =>
        `<li><i style="background:var(--line-${k})"></i>${escapeHtml(name)} <b>${percent(readout.lastAccuracy)}</b></li>`,
    )
    .join("");
  const table =
    readouts.length === 1
      ? ""
      : tableHtml(
          [
            { title: "readout", class: "left" },
            { title: "last %" },
            { title: "average %" },
            { title: "forgetting" },
            { title: "backward transfer" },
          ],
          readouts.map(([name, readout], k) => [
            k === 0 ? `${name} (reported)` : name,
            percent(readout.lastAccuracy),
            percent(readout.averageAccuracy),
            percent(readout.forgetting),
            percent(readout.backwardTransfer),
          ]),
        );
  const omitted = readouts.length > drawn.length ? ` The first ${drawn.length} readouts are drawn.` : "";
  const curves = drawn.map(([, readout]) => readout.accuracyMicro);
  const chart = metrics.accuracyMicro.length < 2 ? "" : `<div class="wide">${accuracyCurves(curves)}</div>`;
  return section(
    "Accuracy over tasks",
    `Correct over all test images seen so far (micro), by readout: a way to classify with the same model.${omitted}`,
    `<ul class="key">${key}</ul>${chart}${table}`,
  );
}

/** R[t][i] as a heat map from 0 to 100 %, whatever the run's own range, so that reports compare. */
export function matrixSection(metrics: RunMetrics): string {
  const matrix = metrics.accuracyMatrix;
  const tasks = Math.max(...matrix.map((row) => row.length));
  const columns = Array.from({ length: tasks }, (_, i) => String(i + 1));
  const chart = heatMap({
    columns,
    rows: matrix.map((_, t) => String(t + 1)),
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
  const ahead = matrix.some((row, t) => row.slice(t + 1).some((value) => value !== null))
    ? " Right of the diagonal: tasks not trained yet; they enter no summary."
    : "";
  return section(
    "Accuracy matrix",
    `Readout ${escapeHtml(metrics.readout)}, in %.${ramp("0", "100")}${ahead}`,
    `<div class="wide">${chart}</div>${numbers}`,
  );
}

/** Every task: its data, its accuracy, its cost. */
export function taskSection(metrics: RunMetrics, history: RunHistory): string {
  const rows = metrics.accuracyMatrix.map((row, t) => {
    const start = history.tasks.get(t);
    const name = metrics.taskNames[t] ?? start?.name ?? "";
    const classes = start?.classNames ?? [];
    const some = classes.slice(0, 4).map((label) => shorten(label, 24));
    const list = `${some.join(", ")}${classes.length > 4 ? ", …" : ""}`;
    return [
      String(t + 1),
      classes.length === 0 ? name : `${name} (${count(classes.length)}: ${list})`,
      start === undefined ? "–" : count(start.trainImages),
      count(metrics.testImages[t] ?? Number.NaN),
      percent(row[t]),
      percent(metrics.accuracyMicro[t]),
      percent(metrics.accuracyMacro[t]),
      count(metrics.trainableParameters[t] ?? Number.NaN),
      bytes(metrics.stateBytes[t] ?? Number.NaN),
      decimal(metrics.taskSeconds[t] ?? Number.NaN, 1),
    ];
  });
  const titles = [
    "train images",
    "test images",
    "new task %",
    "micro %",
    "macro %",
    "trained numbers",
    "state",
    "seconds",
  ];
  return section(
    "Tasks",
    "New task: accuracy on a task right after it was learnt. Micro and macro: over all tasks so far, weighted by test images and not.",
    tableHtml(
      [{ title: "task" }, { title: "name", class: "text" }, ...titles.map((title) => ({ title }))],
      rows,
    ),
  );
}

/** Rank per task and site, a panel per projection. */
export function rankSection(metrics: RunMetrics, history: RunHistory): string {
  const tasks = metrics.accuracyMatrix.length;
  const ranks = Array.from({ length: tasks }, (_, t) => {
    const own = metrics.ranks[t] ?? {};
    return Object.keys(own).length > 0 ? own : (history.ranks.get(t) ?? {});
  });
  const groups = groupSites([...new Set(ranks.flatMap((row) => Object.keys(row)))]);
  if (groups.length === 0) return "";
  const values = ranks.flatMap((row) => Object.values(row));
  const highest = Math.max(1, ...values);
  const average = values.reduce((sum, rank) => sum + rank, 0) / values.length;
  const panels = groups.map(({ projection, sites }) => {
    const chart = heatMap({
      columns: ranks.map((_, t) => String(t + 1)),
      rows: sites.map((site) => site.label),
      columnTitle: "task",
      rowTitle: projection === "other sites" ? "site" : "block",
      cells: sites.map((site) => ranks.map((row) => row[site.name] ?? null)),
      // Ranks double from step to step, so equal colour steps are equal ratios.
      level: (rank) => Math.log2(rank + 1) / Math.log2(highest + 1),
      text: (rank) => decimal(rank, Number.isInteger(rank) ? 0 : 1),
      width: groups.length > 1 && tasks <= 12 ? 392 : 828,
    });
    return `<div><h3>${escapeHtml(projection)}</h3><div class="wide">${chart}</div></div>`;
  });
  return section(
    "Ranks",
    `Rank of each task's update by adapted site; mean ${decimal(average, 1)}. Colours are logarithmic.${ramp("0", count(highest))}`,
    `<div class="panels">${panels.join("")}</div>`,
  );
}

/** Similarity of each task to earlier ones, coloured over the range that occurs. */
export function similaritySection(metrics: RunMetrics, history: RunHistory): string {
  const tasks = metrics.accuracyMatrix.length;
  const cells = Array.from({ length: tasks }, (_, t) =>
    Array.from({ length: tasks }, (_, i) => {
      const value = i < t ? history.similarity.get(t)?.[i] : undefined;
      return value !== undefined && Number.isFinite(value) ? value : null;
    }),
  );
  const values = cells.flat().filter((value) => value !== null);
  if (values.length === 0) return "";
  const low = Math.min(...values);
  const high = Math.max(...values);
  const labels = cells.map((_, t) => String(t + 1));
  // The first task has nothing before it, and nothing compares with the last.
  const chart = heatMap({
    columns: labels.slice(0, -1),
    rows: labels.slice(1),
    columnTitle: "similarity to task",
    rowTitle: "task",
    cells: cells.slice(1).map((row) => row.slice(0, -1)),
    level: (value) => (high === low ? 1 : (value - low) / (high - low)),
    text: (value) => decimal(value, 2),
  });
  return section(
    "Similarity of tasks",
    `Cosine of the mean inputs h hᵀ in the shared subspace, over all adapted sites.${ramp(decimal(low, 2), decimal(high, 2))}`,
    `<div class="wide">${chart}</div>`,
  );
}

/** Other numbers that the method reported, by task. */
export function valueSection(history: RunHistory): string {
  const names = [...new Set([...history.values.values()].flatMap((row) => Object.keys(row)))];
  if (names.length === 0) return "";
  const rows = [...history.values]
    .toSorted(([a], [b]) => a - b)
    .map(([task, row]) => [
      String(task + 1),
      ...names.map((name) => {
        const value = row[name];
        return value !== undefined && Number.isFinite(value) ? String(Number(value.toPrecision(4))) : "–";
      }),
    ]);
  return section(
    "Reported by the method",
    "",
    tableHtml([{ title: "task", class: "left" }, ...names.map((title) => ({ title }))], rows),
  );
}

/** Training loss by epoch. */
export function lossSection(history: RunHistory): string {
  if (history.epochs.length === 0) return "";
  return section(
    "Training loss",
    "Mean of each epoch; a dashed line marks the start of a task.",
    `<div class="wide">${lossCurve(history.epochs)}</div>`,
  );
}

/** Size of the saved state after each task. */
export function stateSection(metrics: RunMetrics): string {
  // One task has no course; its size stands at the top of the page.
  if (metrics.stateBytes.length < 2 || !metrics.stateBytes.some((size) => size > 0)) return "";
  return section(
    "State",
    "Size of the method's saved state after each task, without the frozen backbone.",
    `<div class="wide">${taskBars(metrics.stateBytes, "state", bytes)}</div>`,
  );
}

/** Images that could not be read. */
export function skippedSection(history: RunHistory): string {
  const skipped = history.skipped;
  if (skipped.length === 0) return "";
  const rows = skipped.slice(0, LONGEST_LIST).map(({ id, reason }) => [id, reason]);
  const more = skipped.length - rows.length;
  return section(
    "Skipped images",
    `${count(skipped.length)} could not be read and took no part.`,
    tableHtml(
      [
        { title: "image", class: "text" },
        { title: "reason", class: "text" },
      ],
      rows,
    ) + (more > 0 ? `<p class="caption">and ${count(more)} more</p>` : ""),
  );
}

/** The colours of a heat map between its lowest and highest value. */
function ramp(low: string, high: string): string {
  const steps = Array.from({ length: HEAT_LEVELS }, (_, k) => `<i style="background:var(--heat-${k})"></i>`);
  return `<span class="legend">${escapeHtml(low)}<span class="ramp">${steps.join("")}</span>${escapeHtml(high)}</span>`;
}
