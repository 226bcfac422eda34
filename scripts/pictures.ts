/**
 * @file Draws the pictures of the documents from finished runs, with the report's own charts.
 *
 *     npx tsx scripts/pictures.ts growth RUN_DIR docs/results/emoji-100.svg     # what each task took and left
 *     npx tsx scripts/pictures.ts field                                         # the README's, from kept runs
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { chartDocument } from "../src/node/runs/chart-document.ts";
import { taskBars } from "../src/report/charts.ts";
import { type SpotRow, spotOf, spotRows } from "../src/report/comparison/charts.ts";
import { isFrozen } from "../src/report/comparison/facts.ts";
import { bytes, duration } from "../src/report/format.ts";
import { picture, sized, title } from "../src/report/picture.ts";
import { everyone, fieldRuns } from "./field.ts";
import { accuraciesOf } from "./results-index.ts";

const document = chartDocument();

/** Where the README's figure is. */
export const FIELD_PICTURE = fileURLToPath(new URL("../docs/images/field.svg", import.meta.url));

/** Last accuracy of every method of the field: means, deviations and single runs. */
export function field(): string {
  const heading = "CIFAR-100 in ten tasks, small backbone";
  const rows = everyone().map(({ method, head }): SpotRow & { readonly frozen: boolean } => {
    const runs = fieldRuns({ method, head });
    const frozen = isFrozen(runs[0]!);
    const values = runs.map((metrics) => accuraciesOf(metrics)[head]!.last!);
    return {
      frozen,
      label: `${frozen ? "no training" : method}, ${head}`,
      spot: spotOf(values),
      values: values.map((value) => 100 * value),
      color: frozen ? "var(--muted)" : `var(--line-${method === "fm-lora" ? 1 : 0})`,
    };
  });
  const best = Math.max(...rows.filter(({ frozen }) => frozen).map(({ spot }) => spot.mean));
  const sorted = rows.toSorted((a, b) => b.spot.mean - a.spot.mean);
  const chart = spotRows(document, sorted, { label: "last accuracy, %", at: best });
  return picture(heading, [title(heading), sized(heading, chart)]);
}

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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, folder, file = ""] = process.argv.slice(2);
  if (name === "field") {
    writeFileSync(FIELD_PICTURE, field());
  } else if (name === "growth" && folder !== undefined) {
    const metrics = JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8")) as RunMetrics;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, growth(metrics));
  } else throw new Error("npx tsx scripts/pictures.ts growth RUN_DIR FILE.svg, or field");
}
