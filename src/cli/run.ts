/** @file `fmlora run` */
import { join } from "node:path";
import { Argument, Command, Help, Option } from "@commander-js/extra-typings";
import { DEFAULT_METHOD, resolveRun } from "../node/runs/request.ts";
import { runBenchmark } from "../node/runs/run.ts";
import { loggersNamed, tracked } from "../node/trackers/index.ts";
import { runTable } from "../report/table.ts";
import type { RunOptionsInput } from "../run/options.ts";
import type { Registry } from "../run/registry.ts";
import type { RunEvent } from "../train/events.ts";
import { bringing } from "./downloads.ts";
import { print, remark } from "./output.ts";
import { pluginOption } from "./plugins.ts";
import { jsonProgress, type Progress, runProgress, statusLine } from "./progress.ts";
import { runFlags, runHelp, typedRun, typedSeed } from "./run-flags.ts";
import { fromSettings } from "./settings-file.ts";
import { stoppable } from "./stoppable.ts";

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
    .addOption(new Option("--settings <file>", "take what fmlora tune chose; what is typed goes before"))
    .action((benchmark, { settings: file, ...options }) => {
      const asked = command.getOptionValueSource("method") === "default" ? undefined : options.method;
      const known = file === undefined ? undefined : fromSettings(file, asked, flags);
      const method = known?.method ?? options.method;
      const typed = { ...known?.typed, ...command.opts() };
      return run({ ...options, method, benchmark, typed, registry });
    });
  // Flags of all methods and benchmarks are read; the help shows those of the chosen ones, and so do suggestions.
  const own = runFlags(registry);
  const flags = own.map((option) => option.attributeName());
  for (const option of own) command.addOption(option);
  return command
    .configureHelp({
      visibleOptions: (shown) => [
        ...Help.prototype.visibleOptions.call(new Help(), shown),
        ...runHelp(registry, shown.args[0], shown.opts()),
      ],
    })
    .addHelpText("after", "\nOptions of another method: fmlora run --method <name> --help");
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
  const { benchmark, method, out } = resolveRun({ ...chosen, ...typedSeed(typed) });
  const { options, ...own } = typedRun(method, benchmark, typed, registry);
  const progress = progressFor(json === true);
  const request = {
    ...options,
    ...(await broughtBackbone(options, progress)),
    benchmark,
    method,
    ...own,
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
