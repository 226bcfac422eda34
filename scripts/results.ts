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
import type * as z from "zod";
import { settingsOf } from "../src/cli/settings.ts";
import { headSetOptions } from "../src/heads/head-set.ts";
import { DRIFTS, HEADS } from "../src/heads/index.ts";
import type { RunMetrics } from "../src/metrics/run-metrics.ts";
import { REGISTRY } from "../src/node/runs/registry.ts";
import { compareRuns } from "../src/report/comparison/compare.ts";
import type { ComparedRun } from "../src/report/comparison/run.ts";
import { comparisonText } from "../src/report/comparison/text.ts";
import { headName } from "../src/run/heads.ts";
import { methodOptionsOn } from "../src/run/method-options.ts";
import { runOptionsSchema } from "../src/run/options.ts";
import { byName } from "../src/run/registry.ts";
import { INDEX, indexText, type KeptRun, keptRuns, pageOf, RESULTS, todaysConfig } from "./results-index.ts";

/** Options of a run that are part of its name where it has others than most. */
const NAMED = ["features", "epochs"] as const;

const HALF_RATES = ["--first-bases-rate 0.001", "--bases-rate 0.0002", "--core-rate 0.005"];

/** Settings that many kept runs have, and what names call them. */
const SETS: Readonly<Record<string, readonly string[]>> = {
  // fm-lora's defaults until cosine rows took their place
  "(linear rows)": [...HALF_RATES, "--rows linear", "--row-start zero", "--distillation 0"],
  // the same on domains, where rows are linear anyway; after the first, which has these flags as well
  "(half rates)": [...HALF_RATES, "--distillation 0"],
};

/** Flags with the first set that they hold in its place. */
function shortened(flags: readonly string[]): readonly string[] {
  const [found] = Object.entries(SETS).filter(([, set]) => set.every((flag) => flags.includes(flag)));
  if (found === undefined) return flags;
  const [name, set] = found;
  return [name, ...flags.filter((flag) => !set.includes(flag))];
}

/** Those that matter: what trains nothing has no use for epochs. */
function named({ trainableParameters }: RunMetrics): (typeof NAMED)[number][] {
  const trains = trainableParameters.some((count) => count > 0);
  return NAMED.filter((option) => trains || option !== "epochs");
}

/** The Markdown page of the kept runs in docs/results/NAME/. */
export function resultsPage(name: string): string {
  const page = pageOf(name);
  const runsByName = keptRuns(name);
  const kept = [...runsByName.values()].map((run) => ({ ...run, config: todaysConfig(page, run) }));
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
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  const read = <T>(file: string): T => JSON.parse(readFileSync(join(runFolder, file), "utf8")) as T;
  const config = withoutMachine(read<Record<string, unknown>>("config.json"));
  const metrics = read<RunMetrics>("metrics.json");
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
  const kept: KeptRun = { command: commandOf(todaysConfig(pageOf(name), run)), ...run };
  const file = fileOf(name, kept);
  if (existsSync(file)) {
    const { command } = JSON.parse(readFileSync(file, "utf8")) as KeptRun; // today's: pages are renewed first
    if (command !== kept.command)
      throw new Error(`${file} is of another command, ${command}; give names what tells the two apart`);
  }
  writeFileSync(file, `${JSON.stringify(kept)}\n`);
}

/** Gives what is kept the command and the name that it has by today's defaults. */
function renew(name: string): void {
  const kept = [...keptRuns(name)];
  const renewed = new Map(
    kept.map(([, run]) => [
      fileOf(name, run),
      { ...run, command: commandOf(todaysConfig(pageOf(name), run)) },
    ]),
  );
  if (renewed.size < kept.length)
    throw new Error(`${name}: two runs have one name; give names what tells the two apart`);
  for (const [file, run] of renewed) writeFileSync(file, `${JSON.stringify(run)}\n`);
  const former = kept.map(([each]) => join(RESULTS, name, `${each}.json`));
  for (const file of former) if (!renewed.has(file)) rmSync(file);
}

function fileOf(name: string, kept: KeptRun): string {
  const { metrics } = kept;
  const config = todaysConfig(pageOf(name), kept);
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

type Values = Readonly<Record<string, unknown>>;

/** Flags that differ from the defaults, as a user types them. `usual`: the defaults, where they are not the schema's. */
function flagsOf(schema: z.ZodObject, options: object, usual?: Values): string[] {
  const values = options as Values;
  const changed = settingsOf(schema).filter(({ name, standard }) => {
    const left = usual === undefined ? standard : usual[name];
    return (values[name] ?? undefined) !== undefined && JSON.stringify(values[name]) !== JSON.stringify(left);
  });
  return changed.map(({ flag, name }) => {
    const value = values[name];
    if (typeof value === "boolean") return value ? `--${flag}` : `--no-${flag}`;
    return `--${flag} ${Array.isArray(value) ? value.join(",") : value}`;
  });
}

/** Flags of the method's options that are not at their defaults. */
function methodFlags(config: Readonly<Record<string, unknown>>): string[] {
  const method = byName(REGISTRY, "methods", String(config.method));
  const { kind } = byName(REGISTRY, "benchmarks", String(config.benchmark));
  const usual = methodOptionsOn(kind, method, {}, "defaults");
  return flagsOf(method.options, config.methodOptions as Values, usual);
}

/** Flags of heads' options that are not at their defaults, and of another drift map than the method's. */
function headFlags(config: Readonly<Record<string, unknown>>): string[] {
  const { defaults } = byName(REGISTRY, "methods", String(config.method));
  const drift = config.drift === defaults.drift ? [] : [`--drift ${config.drift}`];
  return [...drift, ...headOptionFlags(config)];
}

function headOptionFlags({ headOptions }: Readonly<Record<string, unknown>>): string[] {
  const all = DRIFTS.flatMap((each) => flagsOf(headSetOptions(HEADS, each), headOptions as object));
  return [...new Set(all)];
}

/** What tells runs of one method apart: its own options, those of its heads, and the precision. */
function changedFlags(config: Readonly<Record<string, unknown>>): readonly string[] {
  const precision = runOptionsSchema.pick({ precision: true, float32Parts: true });
  return shortened([...methodFlags(config), ...headFlags(config), ...flagsOf(precision, config)]);
}

/** The command line that gives this configuration: what was resolved is spelled out, what is the default left out. */
function commandOf(config: Readonly<Record<string, unknown>>): string {
  const benchmark = byName(REGISTRY, "benchmarks", String(config.benchmark));
  const named = {
    ...config,
    features: config.features ?? "cls", // what runs had before there was a choice
    augmentation: typeof config.augmentation === "string" ? config.augmentation : undefined,
  };
  return [
    "fmlora run",
    config.benchmark,
    `--method ${config.method}`,
    ...flagsOf(runOptionsSchema, named),
    ...flagsOf(benchmark.options, config.benchmarkOptions as Record<string, unknown>),
    ...methodFlags(config),
    ...headOptionFlags(config),
  ].join(" ");
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
