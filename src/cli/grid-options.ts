/** @file What the commands of grids share: the file, the folder, and the list of cells. */
import { basename, join } from "node:path";
import { Argument, type Command, Option } from "@commander-js/extra-typings";
import type { Grid } from "../grid/cells.ts";
import { GridFolder } from "../node/grid/folder.ts";
import { openGrid } from "../node/grid/table-file.ts";
import { InputError } from "../tensor/errors.ts";

/** The grid's file. */
export const tableArgument = () => new Argument("<table>", "the grid, in YAML (docs/grids.md)");

/** Where the cells lie. */
export const outOption = () =>
  new Option("--out <folder>", "folder of the grid: each cell is a run in it (default: runs/<table>)");

/** Threads of each cell. */
export const threadsOption = () =>
  new Option("--threads <n>", "threads of a cell whose settings have none (default: its share of the cores)");

/** What was typed for `threadsOption`. */
export const threadsFrom = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : wholeNumber("threads", text, 1);

/** A grid, opened with its folder. */
export interface OpenedGrid {
  readonly table: string;
  readonly grid: Grid;
  readonly folder: GridFolder;
}

/** Reads the file. */
export const opened = (table: string, out: string | undefined): OpenedGrid => ({
  table,
  grid: openGrid(table),
  folder: new GridFolder(out ?? join("runs", basename(table).replace(/\.ya?ml$/, ""))),
});

/** A whole number of an option. @throws InputError that says what was expected */
export function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
  throw new InputError(
    `--${flag} ${JSON.stringify(text)}: expected a whole number${least === 0 ? "" : ` of at least ${least}`}`,
  );
}

/** What every command of a group has, as `createProgram` gives it to the commands at the top. */
export function settle<Own extends Command>(command: Own): Command {
  command.exitOverride().configureOutput({ outputError: () => {} });
  return command.option("--debug", "show where an error comes from") as unknown as Command;
}
