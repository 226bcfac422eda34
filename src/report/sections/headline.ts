/** @file Further numbers of a run, at a glance. */
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { bytes, duration, percent, rate } from "../format.ts";
import type { Section } from "../section.ts";

/** Those that the run has, beside its verdict. */
export const headline: Section = ({ metrics }) => {
  const cards = numbersOf(metrics).map(([name, value]) => {
    // Every second word is a unit, as in "10 min 25 s", and is set smaller.
    const words = value.split(" ").map((word, k) => (k % 2 === 0 ? word : `<small>${word}</small>`));
    return `<div><dt>${name}</dt><dd>${words.join(" ")}</dd></div>`;
  });
  return `<dl class="headline">${cards.join("")}</dl>
`;
};

function numbersOf(metrics: RunMetrics): [name: string, value: string][] {
  const several = metrics.accuracyMatrix.length > 1;
  const state = metrics.stateBytes.at(-1);
  return [
    ...(metrics.anytimeAccuracy === null
      ? []
      : [["Anytime accuracy", `${percent(metrics.anytimeAccuracy)} %`] satisfies [string, string]]),
    ...(several
      ? ([
          ["Average accuracy", `${percent(metrics.averageAccuracy)} %`],
          ["Forgetting", `${percent(metrics.forgetting)} points`],
        ] satisfies [string, string][])
      : []),
    ...(state === undefined || state === 0 ? [] : [["State", bytes(state)] satisfies [string, string]]),
    ...(metrics.imagesPerSecond > 0
      ? [["Training", `${rate(metrics.imagesPerSecond)} images/s`] satisfies [string, string]]
      : []),
    ["Whole run", duration(metrics.seconds)],
  ];
}
