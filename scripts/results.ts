/**
 * @file Keeps finished runs as JSON under docs/results/NAME/ and writes docs/results/NAME.md and results.json from them.
 *
 *     npx tsx scripts/results.ts NAME RUN_DIR...    # adds runs, writes the page
 *     npx tsx scripts/results.ts NAME               # writes the page from what is there
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { directionsFor } from "../src/heads/class-directions.ts";
import { DRIFT_VIEWS } from "../src/methods/figures.ts";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { LineLog } from "../src/node/files/line-log.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { compareRuns } from "../src/report/comparison/compare.ts";
import type { ComparedRun } from "../src/report/comparison/run.ts";
import { comparisonText } from "../src/report/comparison/text.ts";
import { type RunHistory, runHistory } from "../src/report/history.ts";
import { headName } from "../src/run/heads.ts";
import { runOptionsSchema } from "../src/run/options.ts";
import { byName } from "../src/run/registry.ts";
import type { RunEvent } from "../src/train/events.ts";
import { changedFlags, commandOf, flagsOf, SETS } from "./kept-flags.ts";
import {
  INDEX,
  indexText,
  type KeptRun,
  keptRuns,
  type Page,
  pageOf,
  RESULTS,
  todaysConfig,
  todaysRuns,
  usualDirections,
  usualViews,
} from "./results-index.ts";

/** Options of a run that are part of its name where it has others than most. */
const NAMED = ["features", "epochs"] as const;

/** Those that matter: what trains nothing has no use for epochs. */
function named({ trainableParameters }: RunMetrics): (typeof NAMED)[number][] {
  const trains = trainableParameters.some((count) => count > 0);
  return NAMED.filter((option) => trains || option !== "epochs");
}

/** The Markdown page of the kept runs in docs/results/NAME/. */
export function resultsPage(name: string): string {
  const page = pageOf(name);
  const runsByName = todaysRuns(name);
  const kept = [...runsByName.values()];
  // What most runs of the page share is said by its commands; what a run has otherwise is part of its name.
  const usual = Object.fromEntries(
    NAMED.map((option) => [option, commonest(kept.map(({ config }) => config[option]))]),
  );
  const shared = sharedFlags(kept);
  const runs = kept.flatMap(({ metrics, config }) =>
    Object.entries(metrics.readouts).map(([name, values]): ComparedRun => {
      const readout = headName(name);
      const unusual = named(metrics).filter((option) => config[option] !== usual[option]);
      const own = unusual.map((option) => `--${option} ${config[option]}`);
      const flags = changedFlags(config).filter((flag) => !shared.get(metrics.method)!.includes(flag));
      const label = `${[metrics.method, ...own, ...flags].join(" ")}, ${readout}`;
      return { metrics: { ...metrics, ...values, readout }, config, label, readout };
    }),
  );
  const commands = kept.map(
    ({ command, metrics }) =>
      `| \`${command}\` | ${metrics.seconds.toFixed(0)} | ${(metrics.peakRssBytes / 2 ** 20).toFixed(0)} |`,
  );
  const machines = [...new Set(kept.map(({ machine }) => machine))].join("; ");
  return [
    `# ${page.title}`,
    page.text,
    ...sharedText(shared),
    ...setsText(kept),
    comparisonText(compareRuns(runs, { reference: page.reference })).trimEnd(),
    `## Commands\n\nRun on ${machines}. Times were taken beside other work on the same machine.`,
    ["| command | seconds | peak memory, MiB |", "| :--- | ---: | ---: |", ...commands].join("\n"),
    `\`npm run reproduce -- ${name}/${[...runsByName.keys()][0]}\` runs the first of them again and compares. This page is written by \`npx tsx scripts/results.ts\` from the JSON files beside it; a test holds the two together.\n`,
  ].join("\n\n");
}

/** What all runs of a method on a page have, by the method. */
function sharedFlags(kept: readonly KeptRun[]): ReadonlyMap<string, readonly string[]> {
  const shared = new Map<string, readonly string[]>();
  for (const { metrics, config } of kept) {
    const flags = changedFlags(config);
    const before = shared.get(metrics.method) ?? flags;
    shared.set(
      metrics.method,
      before.filter((flag) => flags.includes(flag)),
    );
  }
  return shared;
}

/** The sentence that spares the tables these flags; what all methods share is said of all. */
function sharedText(shared: ReadonlyMap<string, readonly string[]>): string[] {
  const [first = [], ...others] = shared.values();
  const all = first.filter((flag) => others.every((flags) => flags.includes(flag)));
  const rest = [...shared].map(
    ([method, flags]) => [method, flags.filter((flag) => !all.includes(flag))] as const,
  );
  const said = [["all runs", all] as const, ...rest]
    .filter(([, flags]) => flags.length > 0)
    .map(([whose, flags]) => `${whose} \`${flags.join(" ")}\``);
  return said.length === 0 ? [] : [`Left out of the names below: ${said.join("; ")}.`];
}

/** What names call by a word. */
function setsText(kept: readonly KeptRun[]): string[] {
  const flags = new Set(kept.flatMap(({ config }) => changedFlags(config)));
  const named = Object.entries(SETS).filter(([name]) => flags.has(name));
  return named.map(([name, set]) => `\`${name}\` stands for \`${set.join(" ")}\`.`);
}

function commonest(values: readonly unknown[]): unknown {
  const times = (value: unknown): number => values.filter((each) => each === value).length;
  return values.toSorted((a, b) => times(b) - times(a))[0];
}

function keep(name: string, runFolder: string): void {
  const page = pageOf(name);
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(runFolder, file), "utf8")) as T;
  const config = withoutMachine(read<Record<string, unknown>>("config.json"));
  const metrics = read<RunMetrics>("metrics.json");
  const history = runHistory(new LineLog<RunEvent>(join(runFolder, "events.jsonl")).read());
  checkViews(page, config, history);
  checkDirections(page, config, history);
  const run = {
    machine: `${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`,
    version,
    config,
    metrics: {
      ...metrics,
      evaluatedOn: config.evaluateOn as RunMetrics["evaluatedOn"],
      backbone: String(config.backbone),
    },
  };
  const todays = todaysConfig(page, run);
  const kept: KeptRun = { command: commandOf(todays), ...run };
  const file = fileOf(name, todays, kept.metrics);
  if (existsSync(file)) {
    const { command } = JSON.parse(readFileSync(file, "utf8")) as KeptRun; // today's: pages are renewed first
    if (command !== kept.command)
      throw new Error(`${file} is of another command, ${command}; give names what tells the two apart`);
  }
  writeFileSync(file, `${JSON.stringify(kept)}\n`);
}

/** Whether tasks had the views that the page says are usual, where the run says no number: names tell runs apart by them. */
function checkViews(page: Page, config: KeptRun["config"], { figures }: RunHistory): void {
  if (Object.hasOwn(config.headOptions as object, "driftViews")) return;
  const usual = usualViews(page, config);
  const views = figures.numbers.get(DRIFT_VIEWS)?.values() ?? [];
  const other = [...views].find((count) => !usual.includes(count));
  if (other !== undefined)
    throw new Error(`${page.title}: a task had ${other} views; page.json says ${usual} (driftViews)`);
}

/** Whether classes, of about as many images each, had the directions that the page says are usual, where the run says no number. */
function checkDirections(page: Page, config: KeptRun["config"], { tasks }: RunHistory): void {
  const own = config.headOptions as object;
  if (!Object.hasOwn(own, "directionWeight") || Object.hasOwn(own, "directions")) return; // no head that has any, or told
  const all = [...tasks.values()];
  const classes = new Set(all.flatMap(({ classNames }) => classNames)).size;
  const images = all.reduce((sum, { trainImages }) => sum + trainImages, 0) / classes;
  const [count, usual] = [directionsFor(Math.round(images)), usualDirections(page)];
  if (count !== usual)
    throw new Error(`${page.title}: a class had ${count} directions; page.json says ${usual} (directions)`);
}

/** Gives what is kept the command and the name that it has by today's defaults. */
function renew(name: string): void {
  const page = pageOf(name);
  const kept = [...keptRuns(name)];
  const renewed = new Map(
    kept.map(([, run]) => {
      const todays = todaysConfig(page, run);
      return [fileOf(name, todays, run.metrics), { ...run, command: commandOf(todays) }];
    }),
  );
  if (renewed.size < kept.length)
    throw new Error(`${name}: two runs have one name; give names what tells the two apart`);
  for (const [file, run] of renewed) writeFileSync(file, `${JSON.stringify(run)}\n`);
  const former = kept.map(([each]) => join(RESULTS, name, `${each}.json`));
  for (const file of former) if (!renewed.has(file)) rmSync(file);
}

/** @param config in today's form */
function fileOf(name: string, config: KeptRun["config"], metrics: RunMetrics): string {
  // Another head alone is another row: RanPAC is first-task under its own.
  const heads = config.heads as readonly string[];
  const [usual] = byName(REGISTRY, "methods", metrics.method).defaults.heads;
  const wider =
    config.features === "cls+mean" ? [] : flagsOf(runOptionsSchema.pick({ features: true }), config);
  const epochs = named(metrics).includes("epochs")
    ? flagsOf(runOptionsSchema.pick({ epochs: true }), config)
    : [];
  const parts = [
    metrics.method,
    ...[...changedFlags(config), ...wider, ...epochs].map((flag) => flag.replace(/^--|[()]/g, "")),
    ...(heads.includes(usual!) ? [] : heads),
    metrics.seed,
    ...((config.orderSeed ?? metrics.seed) === metrics.seed ? [] : [`order ${config.orderSeed}`]),
  ];
  return join(RESULTS, name, `${parts.join("-").replaceAll(" ", "-")}.json`);
}

/** Folders as seen from the repository, where the commands are run. */
function withoutMachine(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const folders = ["data", "backbone"].flatMap((key) => {
    const value = config[key];
    return typeof value === "string" && isAbsolute(value) ? [[key, relative(process.cwd(), value)]] : [];
  });
  return { ...config, ...Object.fromEntries(folders) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, ...runFolders] = process.argv.slice(2);
  if (name === undefined) throw new Error("usage: npx tsx scripts/results.ts NAME [RUN_DIR...]");
  mkdirSync(join(RESULTS, name), { recursive: true });
  renew(name);
  for (const runFolder of runFolders) keep(name, runFolder);
  writeFileSync(join(RESULTS, `${name}.md`), resultsPage(name));
  writeFileSync(INDEX, indexText());
}
