/** @file Training loss. */
import { lossCurve } from "../charts.ts";
import { fitted, section } from "../page.ts";
import type { Section } from "../section.ts";

/** Training loss by epoch. */
export const loss: Section = ({ document, history }) => {
  if (history.epochs.length === 0) return "";
  return section(
    "Training loss",
    "Mean of each epoch; a dashed line marks the start of a task.",
    fitted((width) => lossCurve(document, history.epochs, width)),
  );
};
