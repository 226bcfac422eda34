/** @file `fmlora run` */
import { join } from "node:path";
import { Argument, Command, Help, Option } from "@commander-js/extra-typings";
import { METHODS } from "../methods/index.ts";
import { benchmarkNamed, benchmarks } from "../node/benchmarks/index.ts";
import { methodNamed, runBenchmark } from "../node/runs/run.ts";
import { loggersNamed, tracked } from "../node/trackers/index.ts";
import { runTable } from "../report/table.ts";
import { type RunOptionsInput, runOptionsSchema } from "../run/options.ts";
import { InputError } from "../tensor/errors.ts";
import type { RunEvent } from "../train/events.ts";
import { bringing } from "./downloads.ts";
import { jsonProgress, type Progress, runProgress, statusLine } from "./progress.ts";
import {
  benchmarkSettings,
  camelCase,
  given,
  helpOptions,
  parserOptions,
  type Setting,
  settingsOf,
} from "./settings.ts";
import { stoppable } from "./stoppable.ts";

const DEFAULT_METHOD = "fm-lora";
const runSettings = settingsOf(runOptionsSchema);

/** Trains and evaluates a method on a benchmark, task after task. */
export function runCommand() {
  const command = new Command("run")
    .description("train and evaluate a method on a stream of tasks")
    .addArgument(new Argument("<benchmark>", `one of: ${benchmarks.map(({ name }) => name).join(", ")}`))
    .addOption(
      new Option("--method <name>", `one of: ${METHODS.map(({ name }) => name).join(", ")}`).default(
        DEFAULT_METHOD,
      ),
    )
    .addOption(
      new Option("--out <folder>", "folder of the run (default: runs/<benchmark>-<method>-seed<seed>)"),
    )
    .addOption(new Option("--resume", "continue the run in that folder where it stopped"))
    .addOption(new Option("--profile", "also write where the time went: profile.md, profile.trace.json"))
    .addOption(
      new Option("--log <names>", "who else hears of the run, of: tensorboard, mlflow, csv").argParser(
        (text) => text.split(",").map((name) => name.trim()),
      ),
    )
    .addOption(new Option("--json", "print every event as a line of JSON on standard output"))
    .action((benchmark, options) => run({ ...options, benchmark, typed: command.opts() }));
  // Flags of all methods and benchmarks are read; the help shows those of the chosen ones, and so do suggestions.
  const flags = new Map(
    [
      runSettings,
      ...METHODS.map(({ options }) => settingsOf(options)),
      ...benchmarks.map(ownSettings),
    ].flatMap((settings) => parserOptions(settings).map((option) => [option.flags, option] as const)),
  );
  for (const option of flags.values()) command.addOption(option);
  return command
    .configureHelp({
      visibleOptions: (shown) => [
        ...Help.prototype.visibleOptions.call(new Help(), shown),
        ...choiceOptions(shown.args[0], shown.opts().method),
      ],
    })
    .addHelpText("after", "\nOptions of another method: fmlora run --method <name> --help");
}

const ownSettings = ({ options }: (typeof benchmarks)[number]): Setting[] => benchmarkSettings(options);

/** What the help adds for a benchmark and a method, where these are known names. */
function choiceOptions(benchmarkName: string | undefined, methodName: unknown): Option[] {
  const method = METHODS.find(({ name }) => name === methodName);
  const benchmark = benchmarks.find(({ name }) => name === benchmarkName);
  const parts = [
    ...helpOptions("Options of a run:", runSettings),
    ...(benchmark === undefined
      ? benchmarks.flatMap((each) => helpOptions(`Options of benchmark ${each.name}:`, ownSettings(each)))
      : helpOptions(`Options of benchmark ${benchmark.name}:`, ownSettings(benchmark))),
  ];
  return method === undefined
    ? parts
    : [...parts, ...helpOptions(`Options of method ${method.name}:`, settingsOf(method.options))];
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
}

async function run({ benchmark: name, typed, ...chosen }: RunArguments): Promise<void> {
  const benchmark = benchmarkNamed(name);
  const method = methodNamed(chosen.method);
  const methodSettings = settingsOf(method.options);
  refuseOthers([...runSettings, ...methodSettings, ...ownSettings(benchmark)], typed, method.name, name);
  const progress = progressFor(chosen.json === true);
  const options = given(runSettings, typed) as RunOptionsInput;
  const seed = options.seed ?? runOptionsSchema.parse({}).seed;
  const out = chosen.out ?? join("runs", `${name}-${method.name}-seed${seed}`);
  const request = {
    benchmark: name,
    method: method.name,
    out,
    resume: chosen.resume === true,
    profile: chosen.profile === true,
    options: { ...options, ...(await broughtBackbone(options, progress)) },
    methodOptions: given(methodSettings, typed),
    benchmarkOptions: given(ownSettings(benchmark), typed) as Record<string, string | number>,
  };
  const tell = (line: string): void => progress.line(line);
  const loggers = loggersNamed(chosen.log ?? [], tell);
  const metrics = await stoppable(progress, (signal) =>
    tracked({ out, loggers, tell, signal }, (log) => {
      const listen = (event: RunEvent): void => {
        progress.listen(event);
        log(event);
      };
      return runBenchmark(request, listen, signal);
    }),
  );
  const report = join(out, "report.html");
  const where = `report: ${report} (open it in a browser: ${openCommand()} ${report})`;
  if (chosen.json === true) progress.line(where);
  else process.stdout.write(`\n${runTable(metrics)}\n${where}\n`);
}

/** @throws InputError at a flag that belongs to another method or benchmark only */
function refuseOthers(
  known: readonly Setting[],
  typed: Readonly<Record<string, unknown>>,
  methodName: string,
  benchmarkName: string,
): void {
  const foreign = [
    ...METHODS.map(({ name, options }) => ({ owner: `method ${name}`, settings: settingsOf(options) })),
    ...benchmarks.map((each) => ({ owner: `benchmark ${each.name}`, settings: ownSettings(each) })),
  ];
  for (const { settings } of foreign) {
    for (const { flag } of settings) {
      if (typed[camelCase(flag)] === undefined || known.some((setting) => setting.flag === flag)) continue;
      const owners = foreign.filter((each) => each.settings.some((setting) => setting.flag === flag));
      throw new InputError(
        `--${flag} is an option of ${owners.map(({ owner }) => owner).join(", ")}; method ${methodName} and benchmark ${benchmarkName} don't have it`,
      );
    }
  }
}

function progressFor(json: boolean): Progress {
  if (!json) return runProgress(statusLine());
  return jsonProgress(
    (text) => void process.stdout.write(text),
    (text) => void process.stderr.write(text),
  );
}

/** Before the run itself begins, so that Ctrl-C ends a download at once. */
async function broughtBackbone({ backbone }: RunOptionsInput, progress: Progress): Promise<RunOptionsInput> {
  return backbone === undefined ? {} : { backbone: await bringing(backbone, progress) };
}

function openCommand(): string {
  if (process.platform === "darwin") return "open";
  return process.platform === "win32" ? "start" : "xdg-open";
}
