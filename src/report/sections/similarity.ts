/** @file Similarity of tasks, by the unit vectors that the method told. */
import { INPUTS } from "../../methods/figures.ts";
import { heatMap } from "../charts.ts";
import { decimal } from "../format.ts";
import { ramp, section, wide } from "../page.ts";
import type { ReportInput, Section } from "../section.ts";

/** Similarity of each task to earlier ones. */
export const similarity: Section = (input) =>
  [...input.history.figures.directions.keys()].map((name) => similaritySection(input, name)).join("");

function similaritySection({ document, metrics, history }: ReportInput, name: string): string {
  const tasks = metrics.accuracyMatrix.length;
  const cells = Array.from({ length: tasks }, (_, t) =>
    Array.from({ length: tasks }, (_, i) => {
      const value = i < t ? history.figures.directions.get(name)?.get(t)?.[i] : undefined;
      return value !== undefined && Number.isFinite(value) ? value : null;
    }),
  );
  const values = cells.flat().filter((value) => value !== null);
  if (values.length < 2) return ""; // with two tasks there is nothing to compare it with
  const labels = cells.map((_, t) => String(t + 1));
  // The first task has nothing before it, and nothing compares with the last.
  const chart = heatMap(document, {
    columns: labels.slice(0, -1),
    rows: labels.slice(1),
    columnTitle: "similarity to task",
    rowTitle: "task",
    cells: cells.slice(1).map((row) => row.slice(0, -1)),
    level: (value) => value, // a cosine of 1 is the same, of 0 nothing in common: colors never exaggerate
    text: (value) => decimal(value, 2),
  });
  return section(
    name === INPUTS ? "Similarity of tasks" : `Similarity of tasks: ${name}`,
    `${name === INPUTS ? "Cosine of the mean inputs h hᵀ in the shared subspace, over all adapted sites." : "Cosine of the vectors that the method told."}${ramp("0", "1")}`,
    wide(chart),
  );
}
