/** @file The report's sections on accuracy; "" where a run has no data for one. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { accuracyCurves, heatMap } from "./charts.ts";
import type { ChartDocument } from "./document.ts";
import { count, escapeHtml, percent } from "./format.ts";
import { LONGEST_LIST, ramp, section, tableHtml } from "./page.ts";
import { LINE_COLORS } from "./style.ts";
import { summaryNumbers } from "./summary.ts";

/** Micro accuracy over tasks, a line per readout, and a table of their summaries. */
export function accuracySection(document: ChartDocument, metrics: RunMetrics): string {
  // The reported readout comes first: its line is the strongest.
  const others = Object.entries(metrics.readouts).filter(([name]) => name !== metrics.readout);
  const readouts = [[metrics.readout, metrics] as const, ...others];
  const drawn = readouts.slice(0, LINE_COLORS);
  const key = drawn
    .map(
      ([name, readout], k) =>
        `<li><i style="background:var(--line-${k})"></i>${escapeHtml(name)} <b>${percent(readout.lastAccuracy)}</b></li>`,
    )
    .join("");
  const numbers = summaryNumbers(readouts.map(([, readout]) => readout));
  const table =
    readouts.length === 1
      ? ""
      : tableHtml(
          [{ title: "readout", class: "left" }, ...numbers],
          readouts.map(([name, readout], k) => [
            k === 0 ? `${name} (reported)` : name,
            ...numbers.map(({ value }) => percent(value(readout))),
          ]),
        );
  const omitted = readouts.length > drawn.length ? ` The first ${drawn.length} readouts are drawn.` : "";
  const curves = drawn.map(([, readout]) => readout.accuracyMicro);
  const evaluated = metrics.accuracyMicro.filter((value) => value !== null);
  const chart = evaluated.length < 2 ? "" : `<div class="wide">${accuracyCurves(document, curves)}</div>`;
  return section(
    "Accuracy over tasks",
    `Correct over all test images seen so far (micro), by readout: a way to classify with the same model.${omitted}`,
    `<ul class="key">${key}</ul>${chart}${table}`,
  );
}

/** R[t][i] as a heat map from 0 to 100 %, whatever the run's own range, so that reports compare. */
export function matrixSection(document: ChartDocument, metrics: RunMetrics): string {
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
}

/** Accuracy by domain over tasks, where test images are of several domains. */
export function domainSection(document: ChartDocument, metrics: RunMetrics): string {
  const rows = (metrics.domainAccuracy ?? []).map((row, t) => ({ row, after: String(t + 1) }));
  const evaluated = rows.filter(({ row }) => row.some((value) => value !== null));
  const domains = metrics.domainNames.flatMap((name, domain) =>
    evaluated.some(({ row }) => row[domain] !== null) ? [{ name, domain }] : [],
  );
  if (domains.length < 2) return "";
  const chart = heatMap(document, {
    columns: domains.map(({ name }) => name),
    rows: evaluated.map(({ after }) => after),
    columnTitle: "accuracy on domain",
    rowTitle: "after task",
    cells: evaluated.map(({ row }) => domains.map(({ domain }) => row[domain] ?? null)),
    level: (value) => value,
    text: (value) => percent(value),
  });
  return section(
    "Accuracy by domain",
    `Over the test images of the tasks so far. Readout ${escapeHtml(metrics.readout)}, in %.${ramp("0", "100")}`,
    `<div class="wide">${chart}</div>`,
  );
}

/** Accuracy in the course of the stream. */
export function anytimeSection(document: ChartDocument, metrics: RunMetrics): string {
  const { anytimeAccuracy, anytimeCurve, anytimeImages } = metrics;
  if (typeof anytimeAccuracy !== "number" || anytimeCurve.length < 2) return "";
  const others = Object.entries(metrics.readouts).filter(([name]) => name !== metrics.readout);
  const curves = [anytimeCurve, ...others.map(([, readout]) => readout.anytimeCurve)].slice(0, LINE_COLORS);
  const axis = { at: anytimeImages, label: "training images taken in" };
  return section(
    "Accuracy at any time",
    `Over the test images of all classes met so far, at ${count(anytimeImages.length)} points of the stream. The mean of a line is its A_AUC: ${percent(anytimeAccuracy)} % for ${escapeHtml(metrics.readout)}.`,
    `<div class="wide">${accuracyCurves(document, curves, axis)}</div>`,
  );
}
