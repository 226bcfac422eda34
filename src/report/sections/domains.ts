/** @file Accuracy by domain. */
import { heatMap } from "../charts.ts";
import { escapeHtml, percent } from "../format.ts";
import { ramp, section, wide } from "../page.ts";
import type { Section } from "../section.ts";

/** Accuracy by domain over tasks, where test images are of several domains. */
export const domains: Section = ({ document, metrics }) => {
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
    wide(chart),
  );
};
