/** @file Where a grid stands: every cell's state, and how long the rest will take. */
import type { Cell } from "../../grid/cells.ts";
import { grouped } from "../../grid/grouped.ts";
import { textOf } from "../../grid/values.ts";
import type { CellState, GridFolder } from "./folder.ts";

/** A cell and where it stands. */
export interface CellStatus {
  readonly cell: Cell;
  readonly state: CellState;
}

/** A grid as a whole. */
export interface GridStatus {
  readonly cells: readonly CellStatus[];
  readonly counts: Readonly<Record<CellState["name"], number>>;
  /** Undefined before any cell is done. */
  readonly secondsLeft: number | undefined;
}

/** @param jobs cells at a time; default: as many as are at work now */
export function gridStatus(cells: readonly Cell[], folder: GridFolder, jobs?: number): GridStatus {
  return statusOf(
    cells.map((cell) => ({ cell, state: folder.state(cell) })),
    jobs,
  );
}

/** The same of cells whose states are known. */
export function statusOf(cells: readonly CellStatus[], jobs?: number): GridStatus {
  const counts = { done: 0, running: 0, failed: 0, cut: 0, waiting: 0 };
  for (const { state } of cells) counts[state.name]++;
  return { cells, counts, secondsLeft: secondsLeft(cells, Math.max(1, jobs ?? counts.running)) };
}

/** Mean of the done cells of the same kind, or of all where none of that kind is done, spread over the jobs. */
function secondsLeft(cells: readonly CellStatus[], jobs: number): number | undefined {
  const done = cells.flatMap(({ cell, state }) => (state.name === "done" ? [{ cell, ...state }] : []));
  if (done.length === 0) return undefined;
  const mean = (all: readonly { seconds: number }[]): number =>
    all.reduce((sum, { seconds }) => sum + seconds, 0) / all.length;
  const kinds = new Map(
    [...grouped(done, (each) => kindOf(each.cell))].map(([kind, own]) => [kind, mean(own)]),
  );
  const expected = (cell: Cell): number => kinds.get(kindOf(cell)) ?? mean(done);
  const left = cells.map(({ cell, state }) => {
    if (state.name === "running") return Math.max(0, expected(cell) - state.seconds);
    return state.name === "waiting" || state.name === "cut" ? expected(cell) : 0;
  });
  return Math.max(left.reduce((sum, seconds) => sum + seconds, 0) / jobs, Math.max(0, ...left));
}

const kindOf = ({ settings }: Cell): string => `${textOf(settings.method!)} ${textOf(settings.benchmark!)}`;
