/** @file `fmlora tune` */
import { join } from "node:path";
import { Argument, Command, Help, Option } from "@commander-js/extra-typings";
import type { Cell } from "../grid/cells.ts";
import type { Settings, Value } from "../grid/values.ts";
import type { AnyMethod } from "../methods/index.ts";
import { writeWhole } from "../node/files/write.ts";
import type { CellEnd } from "../node/grid/cell-process.ts";
import { GridFolder } from "../node/grid/folder.ts";
import { REGISTRY } from "../node/runs/registry.ts";
import { DEFAULT_METHOD } from "../node/runs/request.ts";
import {
  type Search,
  settingsFileOf,
  TUNED_TASKS,
  trialCells,
  validationImages,
} from "../node/tuning/tune.ts";
import { duration, percent } from "../report/format.ts";
import { formatTable } from "../report/text-table.ts";
import type { Benchmark } from "../run/benchmark.ts";
import { flagOf } from "../run/flag.ts";
import { runOptionsSchema } from "../run/options.ts";
import { byName } from "../run/registry.ts";
import { InputError } from "../tensor/errors.ts";
import { searchSpace } from "../tuning/search.ts";
import { bestTrial, type Trial } from "../tuning/settings-file.ts";
import { GridFailedError } from "./failures.ts";
import { runHere } from "./grid.ts";
import { threadsFrom, wholeNumber } from "./grid-options.ts";
import { print } from "./output.ts";
import { runFlags, runHelp, type TypedRun, typedRun } from "./run-flags.ts";

/** Searches the few hyper-parameters of a method. */
export function tuneCommand() {
  const { methods, benchmarks } = REGISTRY;
  const command = new Command("tune")
    .addArgument(new Argument("<benchmark>", `one of: ${benchmarks.map(({ name }) => name).join(", ")}`))
    .addOption(
      new Option("--method <name>", `one of: ${methods.map(({ name }) => name).join(", ")}`).default(
        DEFAULT_METHOD,
      ),
    )
    .addOption(
      new Option("--trials <n>", "settings that are tried; the first are the method's own").default("8"),
    )
    .addOption(new Option("--jobs <n>", "trials at a time, each with its share of the threads").default("1"))
    .addOption(
      new Option(
        "--out <folder>",
        "folder of the trials, each a run (default: runs/tune-<benchmark>-<method>)",
      ),
    )
    .addOption(new Option("--to <file>", "where the choice goes (default: <out>.json)"))
    .action((benchmark, options) => tune({ ...options, benchmark, typed: command.opts() }));
  for (const option of runFlags(REGISTRY)) command.addOption(option);
  return command
    .configureHelp({
      visibleOptions: (shown) => [
        ...Help.prototype.visibleOptions.call(new Help(), shown),
        ...runHelp(REGISTRY, shown.args[0], shown.opts()),
      ],
    })
    .addHelpText(
      "after",
      "\nOptions that are given are not searched. The same command continues a search, also with more trials.",
    );
}

interface TuneArguments {
  readonly benchmark: string;
  readonly method: string;
  readonly trials: string;
  readonly jobs: string;
  readonly out?: string | undefined;
  readonly to?: string | undefined;
  readonly typed: Readonly<Record<string, unknown>>;
}

async function tune({ typed, ...chosen }: TuneArguments): Promise<void> {
  const method = byName(REGISTRY, "methods", chosen.method);
  const benchmark = byName(REGISTRY, "benchmarks", chosen.benchmark);
  const trials = wholeNumber("trials", chosen.trials, 1);
  const jobs = wholeNumber("jobs", chosen.jobs, 1);
  const out = chosen.out ?? join("runs", `tune-${benchmark.name}-${method.name}`);
  const to = chosen.to ?? `${out}.json`;
  const given = typedRun(method, benchmark, typed, REGISTRY);
  const search = await searchOf(method, benchmark, given, trials);
  const cells = trialCells(search);
  const folder = new GridFolder(out);
  const threads =
    given.options.threads === undefined ? undefined : threadsFrom(String(given.options.threads));
  const ends = await runHere(cells, { folder, jobs, threads, retries: 1, log: [] });
  await choose(search, cells, { folder, ends, to });
}

/** What is tried, and what all trials share. */
async function searchOf(
  method: AnyMethod,
  benchmark: Benchmark,
  { options, methodOptions, headOptions, benchmarkOptions }: TypedRun,
  trials: number,
): Promise<Search> {
  const space = searchSpace(method, Object.keys(methodOptions), benchmark.kind);
  if (options.evaluateOn === "test") {
    throw new InputError(
      '`evaluateOn: "test"`: settings are chosen on held-out training images; leave it out',
    );
  }
  const { data, limitPerClass } = options;
  const seed = options.seed ?? runOptionsSchema.shape.seed.parse(undefined);
  const heldOut =
    options.validationPerClass ??
    validationImages(
      await benchmark.open({ data, seed, options: benchmarkOptions }),
      benchmark.kind,
      limitPerClass,
    );
  const values = {
    taskLimit: TUNED_TASKS,
    ...options,
    validationPerClass: heldOut,
    evaluateOn: "validation",
    ...benchmarkOptions,
    ...methodOptions,
    ...headOptions,
  };
  const shared: Settings = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [flagOf(name), value as Value]),
  );
  return { benchmark, method, space, shared, seed, trials };
}

interface Choosing {
  readonly folder: GridFolder;
  readonly ends: ReadonlyMap<Cell, CellEnd>;
  /** The file to write. */
  readonly to: string;
}

async function choose(search: Search, cells: readonly Cell[], { folder, ends, to }: Choosing): Promise<void> {
  const found = settingsFileOf(search, cells, folder, ends);
  const best = bestTrial(found.trials);
  if (best === undefined) {
    const line = found.trials.find(({ failure }) => failure !== undefined)?.failure ?? "no reason was told";
    throw new GridFailedError(`no trial has an accuracy to choose by; the first failed: ${line}`);
  }
  await writeWhole(to, `${JSON.stringify({ settings: best.settings, ...found }, null, 2)}\n`);
  print(
    `${trialTable(found.trials, best)}\n\nchosen by ${found.search.measure}\nsettings: ${to} (fmlora run ${search.benchmark.name} --settings ${to})\n`,
  );
}

function trialTable(trials: readonly Trial[], best: Trial): string {
  const flags = Object.keys(best.settings);
  return formatTable(
    [
      { title: "trial" },
      ...flags.map((title) => ({ title })),
      { title: "last %" },
      { title: "average %" },
      { title: "time" },
      { title: "", left: true },
    ],
    trials.map((trial, i) => [
      String(i + 1),
      ...flags.map((flag) => String(trial.settings[flag])),
      percent(trial.lastAccuracy),
      percent(trial.averageAccuracy),
      duration(trial.seconds),
      trial === best ? "chosen" : (trial.failure ?? (i === 0 ? "the method's own" : "")),
    ]),
    "text",
  );
}
