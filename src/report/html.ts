/** @file A run as one self-contained HTML page: inline SVG and CSS, no script, nothing fetched. */
import type { RunMetrics } from "../metrics/run-metrics.ts";
import type { RunEvent } from "../train/events.ts";
import type { ChartDocument } from "./document.ts";
import { bytes } from "./format.ts";
import { runHistory } from "./history.ts";
import { pageHtml } from "./page.ts";
import type { PicturedMistake } from "./section.ts";
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
 * @param mistakes - Images that were classified wrong; the page then has copies of them.
 */
export function reportHtml(
  document: ChartDocument,
  config: unknown,
  metrics: RunMetrics,
  events: readonly RunEvent[],
  mistakes: readonly PicturedMistake[] = [],
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
  const sections = SECTIONS.map((section) => section({ document, config, metrics, history, mistakes }));
  return pageHtml(title, about, sections.join(""), mistakes.length > 0);
}
