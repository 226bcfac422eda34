/**
 * @file Keeps finished runs as JSON under docs/results/NAME/ and writes docs/results/NAME.md from them.
 *
 *     npx tsx scripts/results.ts NAME RUN_DIR...    # adds runs, writes the page
 *     npx tsx scripts/results.ts NAME               # writes the page from what is there
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { comparisonTable } from "../src/report/table.ts";

/** One kept run. */
interface KeptRun {
  readonly command: string;
  readonly machine: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly metrics: RunMetrics;
}

/** What a page says around its tables. */
interface Page {
  readonly title: string;
  readonly text: string;
  /** Label of the method that others are compared with. */
  readonly reference: string;
}

const results = fileURLToPath(new URL("../docs/results", import.meta.url));

/** The Markdown page of the kept runs in docs/results/NAME/. */
export function resultsPage(name: string): string {
  const folder = join(results, name);
  const page = JSON.parse(readFileSync(join(folder, "page.json"), "utf8")) as Page;
  const kept = readdirSync(folder)
    .filter((file) => file.endsWith(".json") && file !== "page.json")
    .sort()
    .map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as KeptRun);
  const runs = kept.flatMap(({ metrics }) =>
    Object.entries(metrics.readouts).map(
      ([readout, values]): RunMetrics => ({ ...metrics, ...values, readout }),
    ),
  );
  const label = (run: RunMetrics): string => `${run.method}, ${run.readout}`;
  const commands = kept.map(
    ({ command, metrics }) =>
      `| \`${command}\` | ${metrics.seconds.toFixed(0)} | ${(metrics.peakRssBytes / 2 ** 20).toFixed(0)} |`,
  );
  const machines = [...new Set(kept.map(({ machine }) => machine))].join("; ");
  return [
    `# ${page.title}`,
    page.text,
    comparisonTable(runs, { label, reference: page.reference }).trimEnd(),
    `## Commands\n\nRun on ${machines}. Times were taken beside other work on the same machine.`,
    ["| command | seconds | peak memory, MiB |", "| :--- | ---: | ---: |", ...commands].join("\n"),
    "This page is written by `npx tsx scripts/results.ts` from the JSON files beside it; a test holds the two together.\n",
  ].join("\n\n");
}

function keep(name: string, runFolder: string): void {
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(runFolder, file), "utf8")) as T;
  const config = read<Record<string, unknown>>("config.json");
  const metrics = read<RunMetrics>("metrics.json");
  const kept: KeptRun = {
    command: commandOf(config),
    machine: `${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`,
    config,
    metrics,
  };
  const file = join(results, name, `${metrics.method}-${metrics.seed}.json`);
  writeFileSync(file, `${JSON.stringify(kept)}\n`);
}

/** The command line that gives this configuration, without what is the default anyway. */
function commandOf(config: Readonly<Record<string, unknown>>): string {
  const flags = ["data", "backbone", "method", "seed", "orderSeed", "epochs", "limitPerClass", "threads"];
  const given = flags.filter((flag) => config[flag] !== undefined);
  const kebab = (flag: string): string => flag.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return `fmlora run ${config.benchmark} ${given.map((flag) => `--${kebab(flag)} ${config[flag]}`).join(" ")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, ...runFolders] = process.argv.slice(2);
  if (name === undefined) throw new Error("usage: npx tsx scripts/results.ts NAME [RUN_DIR...]");
  mkdirSync(join(results, name), { recursive: true });
  for (const runFolder of runFolders) keep(name, runFolder);
  writeFileSync(join(results, `${name}.md`), resultsPage(name));
}
