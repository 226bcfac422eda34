/** @file What the method and its model say about themselves. */
import { escapeHtml } from "../format.ts";
import { section } from "../page.ts";
import type { Section } from "../section.ts";
import { traitsText } from "../summary.ts";

/** What the method trains, keeps and costs, and notes of the run. */
export const notes: Section = ({ metrics, history }) => {
  const traits = metrics.traits === undefined ? [] : [`${metrics.method}: ${traitsText(metrics.traits)}`];
  const items = [...traits, ...history.notes].map((note) => `<li>${escapeHtml(note)}</li>`).join("");
  return items === "" ? "" : section("Notes", "", `<ul class="notes">${items}</ul>`);
};
