/** @file `fmlora run` */
import { join } from "node:path";
import { Argument, Command, Help, Option } from "@commander-js/extra-typings";
import { headSetOptions } from "../heads/head-set.ts";
import type { AnyMethod } from "../methods/index.ts";
import { DEFAULT_METHOD, resolveRun } from "../node/runs/request.ts";
import { runBenchmark } from "../node/runs/run.ts";
import { loggersNamed, tracked } from "../node/trackers/index.ts";
import { runTable } from "../report/table.ts";
import { chosenHeads } from "../run/heads.ts";
import { type RunOptionsInput, runOptionsSchema } from "../run/options.ts";
import type { Registry } from "../run/registry.ts";
import type { RunEvent } from "../train/events.ts";
import { bringing } from "./downloads.ts";
import { print, remark } from "./output.ts";
import {
  allSettings,
  benchmarkSettings,
  flagsOfAll,
  headSettings,
  methodSettings,
  type OwnSettings,
  RUN,
  refuseOthers,
} from "./owners.ts";
import { pluginOption } from "./plugins.ts";
import { jsonProgress, type Progress, runProgress, statusLine } from "./progress.ts";
import { given, helpOptions, settingsOf } from "./settings.ts";
import { stoppable } from "./stoppable.ts";

const ofEveryRun: OwnSettings = { owner: RUN, settings: settingsOf(runOptionsSchema) };

/** Trains and evaluates a method on a benchmark, task after task. */
export function runCommand(registry: Registry) {
  const { methods, benchmarks } = registry;
  const command = new Command("run")
    .addArgument(new Argument("<benchmark>", `one of: ${benchmarks.map(({ name }) => name).join(", ")}`))
    .addOption(
      new Option("--method <name>", `one of: ${methods.map(({ name }) => name).join(", ")}`).default(
        DEFAULT_METHOD,
      ),
    )
    .addOption(
      new Option("--out <folder>", "folder of the run (default: runs/<benchmark>-<method>-seed<seed>)"),
    )
    .addOption(new Option("--resume", "continue the run in that folder where it stopped"))
    .addOption(pluginOption("also take the methods and benchmarks"))
    .addOption(new Option("--profile", "also write where the time went: profile.md, profile.trace.json"))
    .addOption(
      new Option("--log <names>", "who else hears of the run, of: tensorboard, mlflow, csv").argParser(
        (text) => text.split(",").map((name) => name.trim()),
      ),
    )
    .addOption(new Option("--json", "print every event as a line of JSON on standard output"))
    .action((benchmark, options) => run({ ...options, benchmark, typed: command.opts(), registry }));
  // Flags of all methods and benchmarks are read; the help shows those of the chosen ones, and so do suggestions.
  for (const option of flagsOfAll([ofEveryRun, ...allSettings(registry)])) command.addOption(option);
  return command
    .configureHelp({
      visibleOptions: (shown) => [
        ...Help.prototype.visibleOptions.call(new Help(), shown),
        ...choiceOptions(registry, shown.args[0], shown.opts()),
      ],
    })
    .addHelpText("after", "\nOptions of another method: fmlora run --method <name> --help");
}

/** What the help adds for a benchmark and a method with its heads, where these are known names. */
function choiceOptions(
  registry: Registry,
  benchmarkName: string | undefined,
  typed: Readonly<Record<string, unknown>>,
): Option[] {
  const { methods, benchmarks } = registry;
  const benchmark = benchmarks.filter(({ name }) => name === benchmarkName);
  const method = methods.find(({ name }) => name === typed.method);
  const parts = [
    { ...ofEveryRun, owner: "a run" },
    ...(benchmark.length === 0 ? benchmarks : benchmark).map(benchmarkSettings),
    ...(method === undefined ? headSettings(registry.heads) : [methodSettings(method), headsOf(method)]),
  ].filter(({ settings }) => settings.length > 0);

  /** Those of `--heads` and `--drift`, or the method's own. */
  function headsOf(chosen: AnyMethod): OwnSettings {
    const { heads, drift } = given(ofEveryRun.settings, typed) as RunOptionsInput;
    const choice = chosenHeads(chosen, heads, drift, registry.heads);
    const owner = `heads ${choice.heads.map(({ name }) => name).join(", ")}`;
    return { owner, settings: settingsOf(headSetOptions(choice.heads, choice.drift)) };
  }
  return parts.flatMap(({ owner, settings }) => helpOptions(`Options of ${owner}:`, settings));
}

interface RunArguments {
  readonly benchmark: string;
  readonly method: string;
  readonly out?: string | undefined;
  readonly resume?: true | undefined;
  readonly profile?: true | undefined;
  readonly json?: true | undefined;
  readonly log?: readonly string[] | undefined;
  /** All flags by commander's names. */
  readonly typed: Readonly<Record<string, unknown>>;
  readonly registry: Registry;
}

async function run({ typed, json, profile, ...chosen }: RunArguments): Promise<void> {
  const { registry, resume = false } = chosen;
  const seed = ofEveryRun.settings.find(({ name }) => name === "seed")!;
  const { benchmark, method, out } = resolveRun({ ...chosen, ...given([seed], typed) });
  const options: RunOptionsInput = given(ofEveryRun.settings, typed);
  const { heads, drift } = chosenHeads(method, options.heads, options.drift, registry.heads);
  const own = {
    method: methodSettings(method),
    heads: { owner: RUN, settings: settingsOf(headSetOptions(heads, drift)) },
    benchmark: benchmarkSettings(benchmark),
  };
  refuseOthers([ofEveryRun, own.method, own.heads, own.benchmark], allSettings(registry), typed);
  const progress = progressFor(json === true);
  const request = {
    ...options,
    ...(await broughtBackbone(options, progress)),
    benchmark,
    method,
    benchmarkOptions: given(own.benchmark.settings, typed),
    methodOptions: given(own.method.settings, typed),
    headOptions: given(own.heads.settings, typed),
    out,
    resume,
    profile: profile === true,
    registry,
  };
  const tell = (line: string): void => progress.line(line);
  const loggers = loggersNamed(chosen.log ?? [], tell);
  const metrics = await stoppable(progress, (signal) =>
    tracked({ out, loggers, tell, signal }, (log) => {
      const listen = (event: RunEvent): void => {
        progress.listen(event);
        log(event);
      };
      return runBenchmark({ ...request, listen, signal });
    }),
  );
  const report = join(out, "report.html");
  const where = `report: ${report} (open it in a browser: ${openCommand()} ${report})`;
  if (json === true) progress.line(where);
  else print(`\n${runTable(metrics)}\n${where}\n`);
}

function progressFor(json: boolean): Progress {
  if (!json) return runProgress(statusLine());
  return jsonProgress(print, remark);
}

/** Before the run itself begins, so that Ctrl-C ends a download at once. */
async function broughtBackbone({ backbone }: RunOptionsInput, progress: Progress): Promise<RunOptionsInput> {
  return backbone === undefined ? {} : { backbone: await bringing(backbone, progress) };
}

function openCommand(): string {
  if (process.platform === "darwin") return "open";
  return process.platform === "win32" ? "start" : "xdg-open";
}
