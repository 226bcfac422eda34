/** @file `fmlora grid submit` */
import { readFileSync } from "node:fs";
import { Command, Option } from "@commander-js/extra-typings";
import { CLUSTERS, submissionFor } from "../node/grid/submission.ts";
import { InputError } from "../tensor/errors.ts";
import { opened, outOption, tableArgument, wholeNumber } from "./grid-options.ts";

/** Prints what hands a grid in to a cluster; nothing is handed in. */
export function gridSubmitCommand() {
  return new Command("submit")
    .description("print a Slurm script or a Kubernetes manifest that runs the cells; hands nothing in")
    .addArgument(tableArgument())
    .addOption(new Option("--to <cluster>", "what to print").choices(CLUSTERS).makeOptionMandatory())
    .addOption(outOption())
    .addOption(new Option("--jobs <n>", "cells at a time (default: as many as there is room for)"))
    .addOption(new Option("--hours <n>", "time limit of a cell; one that meets it continues").default("4"))
    .addOption(new Option("--memory <n>", "GiB of memory of a cell").default("8"))
    .addOption(new Option("--cpus <n>", "cores, and so threads, of a cell").default("4"))
    .addOption(new Option("--retries <n>", "how often a cell is begun again").default("3"))
    .addOption(
      new Option("--image <name>", "kubernetes: the container, with fm-lora in it").default("fm-lora"),
    )
    .addOption(
      new Option("--claim <name>", "kubernetes: the volume claim that keeps the runs").default("runs"),
    )
    .action((table, { to, out, jobs, hours, memory, cpus, retries, ...rest }) => {
      const { grid, folder } = opened(table, out);
      const text = submissionFor(to, {
        ...rest,
        table,
        text: readFileSync(table, "utf8"),
        cells: grid.cells.length,
        out: folder.path,
        jobs: jobs === undefined ? undefined : wholeNumber("jobs", jobs, 1),
        hours: positive("hours", hours),
        memory: wholeNumber("memory", memory, 1),
        cpus: wholeNumber("cpus", cpus, 1),
        retries: wholeNumber("retries", retries, 0),
      });
      process.stdout.write(text);
    });
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InputError(`--${flag} ${JSON.stringify(text)}: expected a number above 0`);
}
