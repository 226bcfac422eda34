/** @file Cells of a grid among the runs that a command is given. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isGridFolder, readNames } from "../node/grid/folder.ts";
import { InputError } from "../tensor/errors.ts";

/** A pattern that a shell did not resolve, and the folder of a grid, as the folders they stand for. */
export function expanded(runs: readonly string[]): string[] {
  return runs.flatMap((run) => {
    if (isGridFolder(run)) return Object.keys(readNames(run)).map((id) => join(run, id));
    if (existsSync(run) || basename(run) !== "*" || !existsSync(dirname(run))) return [run];
    const names = readdirSync(dirname(run)).filter((name) => !name.startsWith("."));
    return names.map((name) => join(dirname(run), name));
  });
}

/** The runs without the cells of grids that are not done, and how many these are. @throws InputError if no other is left */
export function withoutUnfinished(runs: readonly string[]): { done: string[]; unfinished: number } {
  const done = runs.filter((run) => cellName(run) === undefined || existsSync(join(run, "metrics.json")));
  if (done.length > 0) return { done, unfinished: runs.length - done.length };
  throw new InputError(
    `${dirname(runs[0] ?? "")}: no cell of the grid is done yet; fmlora grid status tells more`,
  );
}

/** What a cell is called: its method, and the settings in which it differs from others of that method. */
export const cellName = (run: string): string | undefined => readNames(dirname(run))[basename(run)]?.group;
