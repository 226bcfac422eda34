/** @file What came of the run, first and in words: how much is right, beside no training and beside guessing. */
import { HEADS } from "../../heads/index.ts";
import { shareInterval } from "../../metrics/interval.ts";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { type Bar, bars } from "../bars.ts";
import { count, decimal, escapeHtml, percent } from "../format.ts";
import { folded } from "../page.ts";
import type { Section } from "../section.ts";

/** The card at the top of the page; "" where nothing was evaluated. */
export const verdict: Section = ({ metrics }) => {
  const { lastAccuracy, testImages, baseline, method, accuracyMatrix } = metrics;
  if (lastAccuracy === null) return "";
  const images = testImages.reduce((sum, each) => sum + each, 0);
  const interval = shareInterval(lastAccuracy, images);
  const tasks = accuracyMatrix.length;
  const when = tasks === 1 ? "" : ` after all ${count(tasks)} tasks`;
  const held = metrics.evaluatedOn === "validation" ? "held-out training" : "test";
  const chance = metrics.classNames === undefined ? undefined : 1 / metrics.classNames.length;
  const frozen = baseline?.lastAccuracy ?? undefined;
  const shown: Bar[] = [
    { label: method, share: lastAccuracy, text: `${percent(lastAccuracy)} %`, interval },
    ...(frozen === undefined
      ? []
      : [{ label: "no training (frozen LDA)", share: frozen, text: `${percent(frozen)} %`, muted: true }]),
    ...(chance === undefined
      ? []
      : [{ label: "guessing", share: chance, text: `${percent(chance)} %`, muted: true }]),
  ];
  return `<section><h2>Verdict</h2><p class="verdict"><strong>${percent(lastAccuracy)} %</strong> of ${count(images)} ${held} images are classified right${when} (${percentRange(interval)} with 95 % confidence)${frozen === undefined ? "" : `, ${overText(lastAccuracy, frozen, interval)}`}.</p>
${bars(shown)}${forgettingText(metrics)}${baselineText(metrics)}${words(metrics)}</section>
`;
};

const percentRange = ([low, high]: readonly [number, number]): string =>
  `${decimal(100 * low, 0)} to ${decimal(100 * high, 0)}`;

/** "4.1 points over no training at all", and whether so few images can tell. */
function overText(accuracy: number, frozen: number, [low, high]: readonly [number, number]): string {
  const points = 100 * (accuracy - frozen);
  const distance =
    Math.abs(points) < 0.05
      ? "as much as"
      : `${decimal(Math.abs(points), 1)} points ${points > 0 ? "over" : "under"}`;
  const unsure = frozen >= low && frozen <= high ? ": so few images can’t tell the two apart" : "";
  return `${distance} no training at all${unsure}`;
}

function forgettingText({ forgetting, accuracyMatrix }: RunMetrics): string {
  if (forgetting === null || accuracyMatrix.length < 2) return "";
  const lost = Math.max(0, 100 * forgetting);
  return `<p>${lost < 0.05 ? "Earlier tasks are answered as well as ever: nothing was forgotten." : `Earlier tasks lost ${decimal(lost, 1)} points on average since they were answered best: that much was forgotten.`}</p>`;
}

function baselineText({ baseline, traits }: RunMetrics): string {
  if (baseline !== undefined || traits === undefined || traits.trains === "never") return "";
  return `<p class="caption">What the same images give without training was not measured (option <code>baseline</code>).</p>`;
}

/** A sentence for each word of the page that a newcomer may not know. */
function words({ readouts, readout, baseline }: RunMetrics): string {
  const heads = [...new Set([readout, ...Object.keys(readouts)])].flatMap((name) => {
    const summary = HEADS.find((head) => head.name === name)?.summary;
    return summary === undefined ? [] : [[name, `a head: ${summary}`] as const];
  });
  const all: (readonly [string, string])[] = [
    [
      "head",
      "the last step, which makes classes of what the network sees. One model can have several; the first is reported, and tables call it a readout.",
    ],
    ...heads,
    ...(baseline === undefined
      ? []
      : [
          [
            "no training (frozen LDA)",
            "linear discriminant analysis on what the untrained network sees of the same images: what training has to beat.",
          ] as const,
        ]),
    [
      "forgetting",
      "how many points tasks lost between their best accuracy and the end, on average over all but the last task.",
    ],
    [
      "confidence",
      "of 100 such ranges, each from other test images of the same kind, about 95 hold the true accuracy (Wilson’s interval). Fewer images, wider range.",
    ],
  ];
  const list = all.map(([word, text]) => `<dt>${escapeHtml(word)}</dt><dd>${escapeHtml(text)}</dd>`).join("");
  return folded("What these words mean", `<dl class="words">${list}</dl>`);
}
