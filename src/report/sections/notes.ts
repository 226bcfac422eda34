/** @file What the method and its model say about themselves. */
import { escapeHtml } from "../format.ts";
import { LONGEST_LIST, section } from "../page.ts";
import type { Section } from "../section.ts";
import { traitsText } from "../summary.ts";

/** What the method trains, keeps and costs, and notes of the run. */
export const notes: Section = ({ metrics, history }) => {
  const traits = metrics.traits === undefined ? [] : [`${metrics.method}: ${traitsText(metrics.traits)}`];
  const untrained = metrics.untrainedTasks ?? [];
  const few = untrained.length === 0 ? [] : [untrainedText(untrained, metrics.accuracyMatrix.length)];
  const items = [...traits, ...few, ...history.notes]
    .map((note) => `<li>${optionsAsCode(escapeHtml(note))}</li>`)
    .join("");
  return items === "" ? "" : section("Notes", "", `<ul class="notes">${items}</ul>`);
};

/** Notes name options in backticks. */
const optionsAsCode = (html: string): string => html.replace(/`([^`]+)`/g, "<code>$1</code>");

function untrainedText(untrained: readonly number[], tasks: number): string {
  const which = untrained.slice(0, LONGEST_LIST).map((task) => task + 1);
  const list = `${which.join(", ")}${untrained.length > which.length ? ", …" : ""}`;
  return `${untrained.length} of ${tasks} tasks trained nothing, since they have one class (${list}): the head rows does not know their classes, heads with class statistics do`;
}
