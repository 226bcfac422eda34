/** @file How well each class is known, and which are taken for each other. */

import { shareInterval } from "../../metrics/interval.ts";
import type { Confusion } from "../../metrics/run-metrics.ts";
import { NO_ANSWER } from "../../train/answers.ts";
import { type Bar, bars } from "../bars.ts";
import { heatMap } from "../charts.ts";
import { count, percent } from "../format.ts";
import { folded, LONGEST_LIST, ramp, section, tableHtml, wide } from "../page.ts";
import type { ReportInput, Section } from "../section.ts";

/** Of more classes a matrix shows nothing: the worst pairs are named beside it. */
const MOST_CLASSES = 60;
/** Of one image each, bars are empty or full: the confusions say as much. */
const LEAST_TO_COMPARE = 2;
/** With fewer images of a class an interval is nearly the whole range. */
const LEAST_IMAGES = 5;
/** Pairs worth a row. */
const WORST_PAIRS = 10;

/** A bar a class, worst first. */
export const classes: Section = ({ metrics }) => {
  const { classNames, confusions } = known(metrics);
  const byClass = new Map<number, { right: number; images: number }>();
  for (const [label, answer, images] of confusions) {
    const own = byClass.get(label) ?? { right: 0, images: 0 };
    own.images += images;
    if (answer === label) own.right += images;
    byClass.set(label, own);
  }
  const most = Math.max(...[...byClass.values()].map(({ images }) => images));
  if (byClass.size < 2 || most < LEAST_TO_COMPARE) return "";
  const all = [...byClass].map(([label, { right, images }]): Bar => {
    const share = right / images;
    const interval = images < LEAST_IMAGES ? undefined : shareInterval(share, images);
    return { label: classNames[label]!, share, text: `${count(right)} of ${count(images)}`, interval };
  });
  const sorted = all.toSorted((a, b) => a.share - b.share);
  const rest = sorted.slice(LONGEST_LIST);
  return section(
    "Classes",
    `Test images of each class that are classified right, worst classes first${all.some(({ interval }) => interval !== undefined) ? "; lines are 95 % intervals" : ""}.`,
    bars(sorted.slice(0, LONGEST_LIST)) +
      (rest.length === 0 ? "" : folded(`${count(rest.length)} further classes`, bars(rest))),
  );
};

/** The pairs that are confused most, by name, and the whole matrix where it can be read. */
export const confusion: Section = (input) => {
  const { classNames, confusions } = known(input.metrics);
  const wrong = confusions.filter(([label, answer]) => label !== answer);
  if (wrong.length === 0) return "";
  const totals = new Map<number, number>();
  for (const [label, , images] of confusions) totals.set(label, (totals.get(label) ?? 0) + images);
  const nameOf = (answer: number): string => (answer === NO_ANSWER ? "(no answer)" : classNames[answer]!);
  const worst = wrong.toSorted(([, , a], [, , b]) => b - a).slice(0, WORST_PAIRS);
  const images = wrong.reduce((sum, [, , each]) => sum + each, 0);
  const table = tableHtml(
    [
      { title: "images of", class: "left" },
      { title: "taken for", class: "left" },
      { title: "images" },
      { title: "of" },
    ],
    worst.map(([label, answer, each]) => [
      classNames[label]!,
      nameOf(answer),
      count(each),
      count(totals.get(label)!),
    ]),
  );
  const more =
    wrong.length > worst.length
      ? ` The ${worst.length} most frequent of ${count(wrong.length)} confusions.`
      : "";
  return section(
    "Confusions",
    `${count(images)} images are taken for another class.${more}`,
    table + matrix(input, confusions, totals),
  );
};

function matrix(
  { document, metrics }: ReportInput,
  confusions: readonly Confusion[],
  totals: ReadonlyMap<number, number>,
): string {
  const { classNames } = known(metrics);
  const shown = [...totals.keys()].toSorted((a, b) => a - b);
  if (shown.length < 3 || shown.length > MOST_CLASSES) return "";
  const shares = new Map(
    confusions.map(([label, answer, images]) => [`${label} ${answer}`, images / totals.get(label)!]),
  );
  const numbers = shown.map((label) => String(label + 1));
  const chart = heatMap(document, {
    columns: numbers,
    rows: shown.map((label) => `${label + 1} ${classNames[label]!}`),
    columnTitle: "classified as",
    rowTitle: "images of",
    cells: shown.map((label) => shown.map((answer) => shares.get(`${label} ${answer}`) ?? null)),
    level: (value) => value,
    text: (value) => percent(value).replace(/\.0$/, ""),
  });
  return folded(
    "The whole matrix",
    `<p class="caption">Share of each class’s images, in %; classes in the order they were learned.${ramp("0", "100")}</p>${wide(chart)}`,
  );
}

/** Nothing in files of versions that did not count it. */
function known({ classNames = [], confusions = [] }: ReportInput["metrics"]) {
  return { classNames, confusions };
}
