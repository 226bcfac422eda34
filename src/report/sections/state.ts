/** @file Size of the saved state. */
import { taskBars } from "../charts.ts";
import { bytes } from "../format.ts";
import { fitted, section } from "../page.ts";
import type { Section } from "../section.ts";

/** Bars of less growth look flat. */
const LEAST_GROWTH = 1.1;

/** Size of the saved state after each task, where it changes. */
export const state: Section = ({ document, metrics }) => {
  // What stays nearly the same has no course; its size stands at the top of the page.
  if (Math.max(...metrics.stateBytes) <= LEAST_GROWTH * Math.min(...metrics.stateBytes)) return "";
  return section(
    "State",
    "Size of the method's saved state after each task, without the frozen backbone.",
    fitted((width) => taskBars(document, metrics.stateBytes, "state", bytes, width)),
  );
};
