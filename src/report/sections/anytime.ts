/** @file Accuracy in the course of the stream. */
import { accuracyCurves } from "../charts.ts";
import { count, escapeHtml, percent } from "../format.ts";
import { fitted, section } from "../page.ts";
import type { Section } from "../section.ts";
import { LINE_COLORS } from "../style.ts";

/** Accuracy in the course of the stream. */
export const anytime: Section = ({ document, metrics }) => {
  const { anytimeAccuracy, anytimeCurve, anytimeImages } = metrics;
  if (typeof anytimeAccuracy !== "number" || anytimeCurve.length < 2) return "";
  const others = Object.entries(metrics.readouts).filter(([name]) => name !== metrics.readout);
  const curves = [anytimeCurve, ...others.map(([, readout]) => readout.anytimeCurve)].slice(0, LINE_COLORS);
  const axis = { at: anytimeImages, label: "training images taken in" };
  return section(
    "Accuracy at any time",
    `Over the test images of all classes met so far, at ${count(anytimeImages.length)} points of the stream. The mean of a line is its A_AUC: ${percent(anytimeAccuracy)} % for ${escapeHtml(metrics.readout)}.`,
    fitted((width) => accuracyCurves(document, curves, axis, width)),
  );
};
