/** @file `fmlora grid run` */
import { setTimeout as wait } from "node:timers/promises";
import { Command, Option } from "@commander-js/extra-typings";
import type { Cell } from "../grid/cells.ts";
import { cellAt } from "../node/grid/arrays.ts";
import { type CellEnd, runCell } from "../node/grid/cell-process.ts";
import { threadShare } from "../node/grid/local.ts";
import { duration } from "../report/format.ts";
import { GridFailedError, StoppedError } from "./failures.ts";
import {
  type OpenedGrid,
  opened,
  outOption,
  tableArgument,
  threadsFrom,
  threadsOption,
} from "./grid-options.ts";
import { cellLog } from "./grid-progress.ts";
import { runProgress, statusLine } from "./progress.ts";
import { stoppable } from "./stoppable.ts";

/** Between two looks at a cell that another process runs: its lock may be left over from a machine that died. */
const LOOK_AGAIN = 5_000;

/** Runs one cell: what every process of an array does. */
export function gridRunCommand() {
  return new Command("run")
    .description("run one cell, as a Slurm array or a Kubernetes Indexed Job starts it")
    .addArgument(tableArgument())
    .addOption(outOption())
    .addOption(
      new Option("--index <n>", "which cell, from 0 (default: SLURM_ARRAY_TASK_ID or JOB_COMPLETION_INDEX)"),
    )
    .addOption(threadsOption())
    .action((table, { out, index, threads }) => {
      const found = opened(table, out);
      return runOne(found, cellAt(found.grid.cells, index), threadsFrom(threads) ?? threadShare(1));
    });
}

async function runOne({ grid, folder }: OpenedGrid, cell: Cell, threads: number): Promise<void> {
  const status = statusLine();
  const said = `${cell.id} ${cell.label}`;
  if (folder.isDone(cell)) {
    process.stderr.write(`${said}: is done\n`);
    return;
  }
  await folder.describe(grid.cells);
  const progress = runProgress(status);
  const end = await stoppable(
    status,
    async (stop) => {
      const log = cellLog(folder, cell);
      const ended = await whenFree(
        stop,
        (writer) => status.line(`${said}: ${writer} is at work there; waiting`),
        () =>
          folder.isDone(cell)
            ? Promise.resolve<CellEnd>({ name: "done" })
            : runCell(cell, {
                folder,
                threads,
                log: grid.log,
                stop,
                listen: (event) => {
                  progress.listen(event);
                  log.listen(event);
                },
              }),
      );
      stop.throwIfAborted();
      return ended;
    },
    "stopped; the same command continues",
  );
  if (end.name === "stopped")
    throw new StoppedError("the cell's process was stopped; the same command continues");
  if (end.name === "failed") throw new GridFailedError(`${said}: ${end.line}`, { final: end.final });
  process.stderr.write(`${said}: done in ${duration(folder.note(cell).seconds)}\n`);
}

/** Tries until no other process has the cell's folder. */
async function whenFree(
  stop: AbortSignal,
  tell: (writer: string) => void,
  run: () => Promise<CellEnd>,
): Promise<Exclude<CellEnd, { name: "busy" }>> {
  let told = false;
  for (;;) {
    const end = await run();
    if (end.name !== "busy") return end;
    if (!told) tell(end.writer);
    told = true;
    await wait(LOOK_AGAIN, undefined, { signal: stop });
  }
}
