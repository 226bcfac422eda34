/** @file All commands together. */
import { readFileSync } from "node:fs";
import { Command } from "@commander-js/extra-typings";
import { REGISTRY } from "../node/runs/registry.ts";
import type { Registry } from "../run/registry.ts";
import { backbonesCommand } from "./backbones.ts";
import { benchCommand } from "./bench.ts";
import { compareCommand } from "./compare.ts";
import { dataCommand } from "./data.ts";
import { exportCommand } from "./export.ts";
import { featuresCommand } from "./features.ts";
import { gridCommand } from "./grid.ts";
import { learnCommand } from "./learn.ts";
import { learnerCommands } from "./learner.ts";
import { methodsCommand } from "./methods.ts";
import { predictCommand } from "./predict.ts";
import { pretrainCommand } from "./pretrain.ts";
import { runCommand } from "./run.ts";
import { tuneCommand } from "./tune.ts";
import { workerCommand } from "./worker.ts";

/** The program; errors are thrown, and whoever calls prints them. */
export function createProgram(registry: Registry = REGISTRY): Command {
  const { version, description } = JSON.parse(
    readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
  ) as { version: string; description: string };
  const program = new Command("fmlora").description(description).version(version).enablePositionalOptions(); // a group and its subcommands may have an option of one name
  const commands = [
    runCommand(registry),
    tuneCommand(),
    gridCommand(),
    workerCommand(),
    compareCommand(),
    learnCommand(registry),
    predictCommand(registry),
    exportCommand(registry),
    ...learnerCommands(registry),
    featuresCommand(),
    pretrainCommand(),
    methodsCommand(registry),
    dataCommand(registry),
    backbonesCommand(),
    benchCommand(),
  ] as unknown as Command[]; // each has its own options in its type
  for (const command of commands) {
    program.addCommand(command.option("--debug", "show where an error comes from"));
  }
  for (const command of [program, ...commands]) {
    command.exitOverride().configureOutput({ outputError: () => {} });
  }
  return program;
}
