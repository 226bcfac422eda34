/** @file Accuracy over tasks, a line per head. */
import { accuracyCurves } from "../charts.ts";
import { escapeHtml, percent } from "../format.ts";
import { fitted, section, tableHtml } from "../page.ts";
import type { Section } from "../section.ts";
import { LINE_COLORS } from "../style.ts";
import { summaryNumbers } from "../summary.ts";

/** Micro accuracy over tasks, a line per readout, and a table of their summaries. */
export const accuracy: Section = ({ document, metrics }) => {
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
  if (evaluated.length < 2 && readouts.length === 1) return ""; // one number stands at the top of the page
  const chart =
    evaluated.length < 2 ? "" : fitted((width) => accuracyCurves(document, curves, undefined, width));
  return section(
    evaluated.length < 2 ? "Accuracy by head" : "Accuracy over tasks",
    `Correct over all test images seen so far (micro), by readout: a way to classify with the same model.${omitted}`,
    `${chart === "" ? "" : `<ul class="key">${key}</ul>`}${chart}${table}`,
  );
};
