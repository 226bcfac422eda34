/** @file Size of the saved state. */
import { taskBars } from "../charts.ts";
import { bytes } from "../format.ts";
import { section } from "../page.ts";
import type { Section } from "../section.ts";

/** Size of the saved state after each task. */
export const state: Section = ({ document, metrics }) => {
  // One task has no course; its size stands at the top of the page.
  if (metrics.stateBytes.length < 2 || !metrics.stateBytes.some((size) => size > 0)) return "";
  return section(
    "State",
    "Size of the method's saved state after each task, without the frozen backbone.",
    `<div class="wide">${taskBars(document, metrics.stateBytes, "state", bytes)}</div>`,
  );
};
