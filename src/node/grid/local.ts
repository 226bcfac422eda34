/** @file A grid on one machine: so many cells at a time, each in a process of its own. */
import type { Cell } from "../../grid/cells.ts";
import type { RunEvent } from "../../train/events.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { type CellEnd, type CellOptions, runCell } from "./cell-process.ts";

/** How a grid is run. */
export interface LocalOptions extends Pick<CellOptions, "folder" | "log" | "stop"> {
  /** Cells at a time. */
  readonly jobs: number;
  /** How often a cell that died is begun again in the same command. */
  readonly retries: number;
  /** Of each cell; undefined: its share. */
  readonly threads?: number | undefined;
  readonly listen: (event: GridEvent) => void;
}

/** What goes on in a grid. */
export type GridEvent =
  | { readonly type: "cell-start"; readonly cell: Cell }
  | { readonly type: "cell-event"; readonly cell: Cell; readonly event: RunEvent }
  | { readonly type: "cell-end"; readonly cell: Cell; readonly end: CellEnd; readonly again: boolean };

/** Each cell's share of the threads that one run would have. */
export const threadShare = (jobs: number): number => Math.max(1, Math.floor(defaultThreads() / jobs));

/**
 * Runs the cells that are not done, in order, and goes on after a failure.
 * @returns how the cells ended that were begun
 */
export async function runCells(cells: readonly Cell[], options: LocalOptions): Promise<Map<Cell, CellEnd>> {
  const { folder, jobs, retries, listen, stop } = options;
  const ends = new Map<Cell, CellEnd>();
  const tries = new Map<Cell, number>();
  const waiting = cells.filter((cell) => !folder.isDone(cell));
  const threads = options.threads ?? threadShare(Math.min(jobs, waiting.length || 1));
  const work = async (): Promise<void> => {
    while (stop?.aborted !== true) {
      const cell = waiting.shift();
      if (cell === undefined) return;
      if (folder.isDone(cell)) continue; // another process was faster
      listen({ type: "cell-start", cell });
      const end = await runCell(cell, {
        ...options,
        threads,
        listen: (event) => listen({ type: "cell-event", cell, event }),
      });
      const tried = (tries.get(cell) ?? 0) + 1;
      tries.set(cell, tried);
      const again = end.name === "failed" && !end.final && tried <= retries;
      if (again) waiting.push(cell);
      ends.set(cell, end);
      listen({ type: "cell-end", cell, end, again });
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return ends;
}
