/** @file `fmlora grid` */
import { Command, Option } from "@commander-js/extra-typings";
import type { Cell } from "../grid/cells.ts";
import type { CellEnd } from "../node/grid/cell-process.ts";
import { type LocalOptions, runCells } from "../node/grid/local.ts";
import { gridStatus } from "../node/grid/status.ts";
import { InputError } from "../tensor/errors.ts";
import { bringing } from "./downloads.ts";
import { GridFailedError } from "./failures.ts";
import {
  type OpenedGrid,
  opened,
  outOption,
  settle,
  tableArgument,
  threadsFrom,
  threadsOption,
  wholeNumber,
} from "./grid-options.ts";
import { counted, gridProgress } from "./grid-progress.ts";
import { gridCollectCommand, gridEnqueueCommand } from "./grid-queue.ts";
import { gridRunCommand } from "./grid-run.ts";
import { gridStatusCommand } from "./grid-status.ts";
import { gridSubmitCommand } from "./grid-submit.ts";
import { type StatusLine, statusLine } from "./progress.ts";
import { stoppable } from "./stoppable.ts";

/** Runs a whole grid on this machine; its subcommands do so elsewhere. */
export function gridCommand() {
  const command = new Command("grid")
    .addArgument(tableArgument())
    .addOption(outOption())
    .addOption(new Option("--jobs <n>", "cells at a time, each with its share of the threads").default("1"))
    .addOption(new Option("--retries <n>", "how often a cell is begun again whose process died").default("1"))
    .addOption(threadsOption())
    .addOption(new Option("--list", "print the cells with their ids and run none"))
    .addHelpText("after", "\nWhat is done is never done again: the same command continues a grid.")
    .enablePositionalOptions() // options after a subcommand's name are that subcommand's
    .action(async (table, { out, jobs, retries, threads, list }) => {
      const found = opened(table, out);
      if (list === true) process.stdout.write(cellList(found.grid.cells));
      else
        await local(found, {
          jobs: wholeNumber("jobs", jobs, 1),
          retries: wholeNumber("retries", retries, 0),
          threads: threadsFrom(threads),
        });
    });
  for (const subcommand of [
    gridStatusCommand(),
    gridRunCommand(),
    gridSubmitCommand(),
    gridEnqueueCommand(),
    gridCollectCommand(),
  ]) {
    command.addCommand(settle(subcommand as unknown as Command));
  }
  return command;
}

/** Id, and the settings in which cells differ, by index. */
function cellList(cells: readonly Cell[]): string {
  const width = String(cells.length - 1).length;
  return cells.map(({ id, label }, i) => `${String(i).padStart(width)}  ${id}  ${label}\n`).join("");
}

/** Runs cells on this machine, with progress; Ctrl-C stops where nothing is lost. Returns how each ended. */
export async function runHere(
  cells: readonly Cell[],
  options: Pick<LocalOptions, "jobs" | "retries" | "threads" | "folder" | "log">,
): ReturnType<typeof runCells> {
  const { folder, jobs } = options;
  const status = statusLine();
  await folder.describe(cells);
  return stoppable(
    status,
    async (stop) => {
      await bringBackbones(
        cells.filter((cell) => !folder.isDone(cell)),
        status,
      );
      const listen = gridProgress(status, cells, folder, jobs);
      const ended = await runCells(cells, { ...options, listen, stop });
      stop.throwIfAborted();
      return ended;
    },
    "stopped; the same command continues",
  );
}

async function local(
  { table, grid, folder }: OpenedGrid,
  options: Pick<LocalOptions, "jobs" | "retries" | "threads">,
): Promise<void> {
  const { cells, log } = grid;
  const { jobs } = options;
  const ends = await runHere(cells, { ...options, folder, log });
  const { counts, ...rest } = gridStatus(cells, folder, jobs);
  process.stderr.write(`${counted({ counts, ...rest })}; fmlora compare ${folder.path} shows them\n`);
  failIfAny(ends, cells, table);
}

/** Each once, before cells at work would bring it at the same time. One that fails fails its cells, which tell. */
async function bringBackbones(cells: readonly Cell[], status: StatusLine): Promise<void> {
  const names = new Set(cells.flatMap(({ settings }) => settings.backbone ?? []).map(String));
  for (const name of names) {
    await bringing(name, status).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
    });
  }
}

function failIfAny(ends: ReadonlyMap<Cell, CellEnd>, cells: readonly Cell[], table: string): void {
  const failed = [...ends.values()].filter(({ name }) => name === "failed").length;
  if (failed === 0) return;
  throw new GridFailedError(
    `${table}: ${failed} of ${cells.length} cells failed; fmlora grid status ${table} says why, and the same command tries them again`,
  );
}
