/** @file A run as one self-contained HTML page: inline SVG and CSS, no script, nothing fetched. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import type { RunEvent } from "../train/events.ts";
import type { ChartDocument } from "./document.ts";
import { bytes, duration, percent, rate } from "./format.ts";
import { runHistory } from "./history.ts";
import { pageHtml } from "./page.ts";
import { SECTIONS } from "./sections/index.ts";
import { benchmarkText } from "./summary.ts";

/**
 * The report of a run. Sections without data are left out; all names are escaped, and a policy in the page forbids
 * every request, so it is safe to open and to send on.
 *
 * @param document - What charts are drawn with; nothing is added to it.
 * @param config - The resolved configuration, any JSON.
 * @param metrics - The contents of metrics.json, with at least one finished task.
 * @param events - The events of the run in order, as in events.jsonl.
 */
export function reportHtml(
  document: ChartDocument,
  config: unknown,
  metrics: RunMetrics,
  events: readonly RunEvent[],
): string {
  const history = runHistory(events);
  const title = `${metrics.method} on ${benchmarkText(metrics)}`;
  const about = [
    metrics.protocol,
    metrics.backbone,
    `seed ${metrics.seed}`,
    `order seed ${metrics.orderSeed ?? "none"}`,
    `readout ${metrics.readout}`,
    metrics.accuracyMatrix.length === 1 ? "1 task" : `${metrics.accuracyMatrix.length} tasks`,
    // A browser does not tell its memory.
    ...(metrics.peakRssBytes > 0 ? [`peak memory ${bytes(metrics.peakRssBytes)}`] : []),
  ];
  const sections = SECTIONS.map((section) => section({ document, config, metrics, history }));
  return pageHtml(title, about, `${headline(metrics)}\n${sections.join("")}`);
}

function headline(metrics: RunMetrics): string {
  const numbers: [name: string, value: string][] = [
    ...(metrics.anytimeAccuracy === null
      ? []
      : [["Anytime accuracy", `${percent(metrics.anytimeAccuracy)} %`] satisfies [string, string]]),
    ["Last accuracy", `${percent(metrics.lastAccuracy)} %`],
    ["Average accuracy", `${percent(metrics.averageAccuracy)} %`],
    ["Forgetting", `${percent(metrics.forgetting)} points`],
    ["State", bytes(metrics.stateBytes.at(-1) ?? Number.NaN)],
    ["Training", `${rate(metrics.imagesPerSecond)} images/s`],
    ["Whole run", duration(metrics.seconds)],
  ];
  const cards = numbers.map(([name, value]) => {
    // Every second word is a unit, as in "10 min 25 s", and is set smaller.
    const words = value.split(" ").map((word, k) => (k % 2 === 0 ? word : `<small>${word}</small>`));
    return `<div><dt>${name}</dt><dd>${words.join(" ")}</dd></div>`;
  });
  return `<dl class="headline">${cards.join("")}</dl>`;
}
