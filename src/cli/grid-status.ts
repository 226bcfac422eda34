/** @file `fmlora grid status` */
import { Command, Option } from "@commander-js/extra-typings";
import type { CellState } from "../node/grid/folder.ts";
import { type GridStatus, gridStatus } from "../node/grid/status.ts";
import { duration, printable } from "../report/format.ts";
import { opened, outOption, tableArgument } from "./grid-options.ts";
import { counted } from "./grid-progress.ts";

/** Says of every cell where it stands. */
export function gridStatusCommand() {
  return new Command("status")
    .description("what is done, running, failed and waiting, and how long the rest will take")
    .addArgument(tableArgument())
    .addOption(outOption())
    .addOption(new Option("--json", "as JSON"))
    .action((table, { out, json }) => {
      const { grid, folder } = opened(table, out);
      const status = gridStatus(grid.cells, folder);
      process.stdout.write(json === true ? statusJson(status) : statusText(status));
    });
}

/** A line for all, and one for each cell. */
export function statusText(status: GridStatus): string {
  const width = Math.max(...status.cells.map(({ cell }) => cell.label.length));
  const lines = status.cells.map(
    ({ cell, state }) => `${cell.id}  ${cell.label.padEnd(width)}  ${printable(stateText(state))}\n`,
  );
  return `${counted(status)}\n${lines.join("")}`;
}

function stateText(state: CellState): string {
  switch (state.name) {
    case "done":
      return `done in ${duration(state.seconds)}`;
    case "running":
      return `running for ${duration(state.seconds)}, ${state.writer}`;
    case "failed":
      return `failed: ${state.line}`;
    case "cut":
      return "to be continued from its checkpoint";
    case "waiting":
      return "waiting";
  }
}

function statusJson({ cells, counts, secondsLeft }: GridStatus): string {
  const rows = cells.map(({ cell: { id, label, settings }, state }) => ({ id, label, settings, state }));
  return `${JSON.stringify({ counts, secondsLeft: secondsLeft ?? null, cells: rows }, null, 2)}\n`;
}
