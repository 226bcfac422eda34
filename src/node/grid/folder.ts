/** @file The folder of a grid: a run's folder for every cell, and beside them, hidden, what the grid knows of each. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Cell } from "../../grid/cells.ts";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { writerOf } from "../files/folder-lock.ts";
import { writeWhole } from "../files/write.ts";

/** What a grid remembers of a cell. */
export interface CellNote {
  /** Runs that were begun, and ended neither done nor stopped. */
  readonly failures: number;
  /** When the last one began; ISO 8601. */
  readonly startedAt?: string | undefined;
  /** Of all its runs, their start included. */
  readonly seconds: number;
  /** The one line of the last failure. */
  readonly failure?: string | undefined;
}

/** Where a cell stands. */
export type CellState =
  | { readonly name: "done"; readonly seconds: number }
  | { readonly name: "running"; readonly writer: string; readonly seconds: number }
  | { readonly name: "failed"; readonly line: string }
  /** Has a checkpoint, and nobody is at work. */
  | { readonly name: "cut" }
  | { readonly name: "waiting" };

const NO_NOTE: CellNote = { failures: 0, seconds: 0 };
/** Hidden, so that the pattern DIR/* is the cells alone. */
const OWN = ".grid";

/** A grid's results. */
export class GridFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The folder of a cell's run. */
  out({ id }: Pick<Cell, "id">): string {
    return join(this.path, id);
  }

  /** What a cell's process says. */
  log({ id }: Pick<Cell, "id">): string {
    return join(this.path, OWN, "logs", `${id}.log`);
  }

  /** Whether the cell's metrics are there: they are written last. */
  isDone(cell: Pick<Cell, "id">): boolean {
    return existsSync(join(this.out(cell), "metrics.json"));
  }

  /** What a done cell's run came to. */
  metrics(cell: Pick<Cell, "id">): RunMetrics | undefined {
    return readJson<RunMetrics>(join(this.out(cell), "metrics.json"));
  }

  note(cell: Pick<Cell, "id">): CellNote {
    return readJson<CellNote>(this.#noteFile(cell)) ?? NO_NOTE;
  }

  writeNote(cell: Pick<Cell, "id">, note: CellNote): Promise<void> {
    return writeWhole(this.#noteFile(cell), `${JSON.stringify(note)}\n`);
  }

  state(cell: Pick<Cell, "id">): CellState {
    const note = this.note(cell);
    if (this.isDone(cell))
      return { name: "done", seconds: note.seconds || (this.metrics(cell)?.seconds ?? 0) };
    const writer = writerOf(this.out(cell));
    if (writer !== undefined) {
      const since = note.startedAt === undefined ? Date.now() : Date.parse(note.startedAt);
      return { name: "running", writer, seconds: (Date.now() - since) / 1000 };
    }
    if (note.failure !== undefined) return { name: "failed", line: note.failure };
    return existsSync(join(this.out(cell), "checkpoint.safetensors")) ? { name: "cut" } : { name: "waiting" };
  }

  /** Threads that the cell's run was begun with: it can be resumed with no other number. */
  threads(cell: Pick<Cell, "id">): number | undefined {
    return readJson<{ threads: number }>(join(this.out(cell), "config.json"))?.threads;
  }

  /** Names the cells for `compare`, and keeps the names of those that the file no longer has. */
  async describe(cells: readonly Cell[]): Promise<void> {
    const known = readNames(this.path);
    const names = { ...known };
    for (const { id, label, group } of cells) names[id] = { label, group };
    if (JSON.stringify(names) === JSON.stringify(known)) return; // many processes of an array begin at once
    await writeWhole(join(this.path, OWN, "cells.json"), `${JSON.stringify(names, null, 1)}\n`);
  }

  #noteFile({ id }: Pick<Cell, "id">): string {
    return join(this.path, OWN, "notes", `${id}.json`);
  }
}

type Names = Record<string, Pick<Cell, "label" | "group">>;

/** Names of cells by id; none where the folder is no grid's. */
export const readNames = (path: string): Readonly<Names> =>
  readJson<Names>(join(path, OWN, "cells.json")) ?? {};

/** Whether cells of a grid lie in a folder. */
export const isGridFolder = (path: string): boolean =>
  statSync(join(path, OWN), { throwIfNoEntry: false })?.isDirectory() === true;

/** Undefined for a file that isn't there; they are written whole or not at all. */
function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return undefined;
  }
}
