/**
 * @file Draws the pictures of the documents from finished runs, with the report's own charts.
 *
 *     npx tsx scripts/pictures.ts growth RUN_DIR docs/results/emoji-100.svg     # what each task took and left
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { chartDocument } from "../src/node/runs/chart-document.ts";
import { taskBars } from "../src/report/charts.ts";
import { bytes, duration } from "../src/report/format.ts";
import { picture, sized, title } from "../src/report/picture.ts";

const document = chartDocument();

const PICTURES: Readonly<Record<string, (metrics: RunMetrics) => string>> = {
  growth,
};

const [name = "", folder, file] = process.argv.slice(2);
const draw = PICTURES[name];
if (draw === undefined || folder === undefined || file === undefined)
  throw new Error(`npx tsx scripts/pictures.ts ${Object.keys(PICTURES).join("|")} RUN_DIR FILE.svg`);
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, draw(JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8")) as RunMetrics));

/** Seconds of every task without its evaluation, above the state's bytes after it. */
function growth({ method, benchmark, taskSeconds, evaluationSeconds, stateBytes }: RunMetrics): string {
  const [times, sizes] = [
    `${method} on ${benchmark}: seconds for each task, evaluation aside`,
    "bytes of state after each task",
  ];
  const working = taskSeconds.map((seconds, t) => seconds - evaluationSeconds[t]!);
  return picture(times, [
    title(times),
    sized(times, taskBars(document, working, "time", duration)),
    title(sizes),
    sized(sizes, taskBars(document, stateBytes, "state", bytes)),
  ]);
}
