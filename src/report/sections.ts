/** @file The report's other charts and tables, one function a section; "" where a run has no data for it. */

import { INPUTS, RANK } from "../methods/figures.ts";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { heatMap, lossCurve, taskBars } from "./charts.ts";
import { bytes, count, decimal, escapeHtml, percent, shorten } from "./format.ts";
import type { RunHistory } from "./history.ts";
import { LONGEST_LIST, ramp, section, tableHtml } from "./page.ts";
import { groupSites } from "./site-ranks.ts";

/** Every task: its data, its accuracy, its cost. */
export function taskSection(metrics: RunMetrics, history: RunHistory): string {
  // Of all domains, also those to come: worth a column where it says more than micro.
  const ahead = metrics.accuracyAllTasks
    .slice(0, -1)
    .some((value, t) => value !== null && metrics.accuracyMatrix[t]!.length > t + 1);
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
      ...(ahead ? [percent(metrics.accuracyAllTasks[t])] : []),
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
    ...(ahead ? ["all tasks %"] : []),
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
    return Object.keys(own).length > 0 ? own : (history.figures.layers.get(RANK)?.get(t) ?? {});
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
      // Ranks double from step to step, so equal color steps are equal ratios.
      level: (rank) => Math.log2(rank + 1) / Math.log2(highest + 1),
      text: (rank) => decimal(rank, Number.isInteger(rank) ? 0 : 1),
      width: groups.length > 1 && tasks <= 12 ? 392 : 828,
    });
    return `<div><h3>${escapeHtml(projection)}</h3><div class="wide">${chart}</div></div>`;
  });
  return section(
    "Ranks",
    `Rank of each task's update by adapted site; mean ${decimal(average, 1)}. Colors are logarithmic.${ramp("0", count(highest))}`,
    `<div class="panels">${panels.join("")}</div>`,
  );
}

/** Similarity of each task to earlier ones, colored over the range that occurs. */
export function similaritySection(metrics: RunMetrics, history: RunHistory): string {
  const tasks = metrics.accuracyMatrix.length;
  const cells = Array.from({ length: tasks }, (_, t) =>
    Array.from({ length: tasks }, (_, i) => {
      const value = i < t ? history.figures.directions.get(INPUTS)?.get(t)?.[i] : undefined;
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
  const { numbers } = history.figures;
  const names = [...numbers.keys()];
  if (names.length === 0) return "";
  const tasks = new Set([...numbers.values()].flatMap((byTask) => [...byTask.keys()]));
  const rows = [...tasks]
    .toSorted((a, b) => a - b)
    .map((task) => [
      String(task + 1),
      ...names.map((name) => {
        const value = numbers.get(name)?.get(task);
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
