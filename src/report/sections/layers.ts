/** @file Numbers a layer that the method told, ranks first. */
import { RANK } from "../../methods/figures.ts";
import { heatMap } from "../charts.ts";
import { count, decimal, escapeHtml } from "../format.ts";
import { ramp, section, wide } from "../page.ts";
import type { ReportInput, Section } from "../section.ts";
import { groupSites } from "../site-ranks.ts";
import { CHART_WIDTH } from "../style.ts";

type Rows = readonly Readonly<Record<string, number>>[];

/** A section per figure, a panel per projection. metrics.json has the ranks even where the log is gone. */
export const layers: Section = (input) => {
  const { metrics, history } = input;
  const rowsOf = (name: string): Rows =>
    metrics.accuracyMatrix.map((_, t) => {
      const own = name === RANK ? (metrics.ranks[t] ?? {}) : {};
      return Object.keys(own).length > 0 ? own : (history.figures.layers.get(name)?.get(t) ?? {});
    });
  const names = [...new Set([RANK, ...history.figures.layers.keys()])];
  return names.map((name) => layerSection(input, name, rowsOf(name))).join("");
};

function layerSection({ document, metrics }: ReportInput, name: string, rows: Rows): string {
  const tasks = metrics.accuracyMatrix.length;
  const groups = groupSites([...new Set(rows.flatMap((row) => Object.keys(row)))]);
  const values = rows.flatMap((row) => Object.values(row));
  if (groups.length === 0) return "";
  const what =
    name === RANK
      ? "Rank of each task's update by adapted site"
      : `"${escapeHtml(name)}" of each task by layer`;
  const title = name === RANK ? "Ranks" : name;
  // A map of one color says no more than this.
  if (values.every((value) => value === values[0])) {
    return section(
      title,
      `${what}: ${decimal(values[0]!, Number.isInteger(values[0]) ? 0 : 1)} everywhere.`,
      "",
    );
  }
  const highest = Math.max(1, ...values);
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  const panels = groups.map(({ projection, sites }) => {
    const chart = heatMap(document, {
      columns: rows.map((_, t) => String(t + 1)),
      rows: sites.map((site) => site.label),
      columnTitle: "task",
      rowTitle: projection === "other sites" ? "site" : "block",
      cells: sites.map((site) => rows.map((row) => row[site.name] ?? null)),
      // Ranks double from step to step, so equal color steps are equal ratios.
      level: (value) => Math.log2(Math.max(value, 0) + 1) / Math.log2(highest + 1),
      text: (value) => decimal(value, Number.isInteger(value) ? 0 : 1),
      width: groups.length > 1 && tasks <= 12 ? 392 : CHART_WIDTH,
    });
    return `<div><h3>${escapeHtml(projection)}</h3>${wide(chart)}</div>`;
  });
  return section(
    title,
    `${what}; mean ${decimal(average, 1)}. Colors are logarithmic.${ramp("0", count(highest))}`,
    `<div class="panels">${panels.join("")}</div>`,
  );
}
