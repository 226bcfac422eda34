/** @file Takes cells from the queue and runs each in a process of its own: training never keeps a lock from being renewed. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Cell, cellAgain } from "../../grid/cells.ts";
import type { Settings } from "../../grid/values.ts";
import { InputError } from "../../tensor/errors.ts";
import type { RunEvent } from "../../train/events.ts";
import { type CellEnd, runCell } from "./cell-process.ts";
import type { GridFolder } from "./folder.ts";
import { type CellResult, type CellWorker, type QueueConnection, type QueuedCell, reached } from "./queue.ts";
import { gridContext } from "./table-file.ts";

/** How cells are taken. */
export interface WorkerOptions {
  /** Where they run; the one of other workers, too, where a cell is to continue from another's checkpoint. */
  readonly folder: GridFolder;
  /** Cells at a time. */
  readonly jobs: number;
  /** Of each cell; undefined: its share. */
  readonly threads: number;
  readonly log: readonly string[];
  /** Seconds without a sign of life after which another worker takes a cell over. */
  readonly stalledAfter: number;
  readonly listen: (event: WorkerEvent) => void;
}

/** What goes on in a worker. */
export type WorkerEvent =
  | { readonly type: "cell-start"; readonly cell: Cell }
  | { readonly type: "cell-event"; readonly cell: Cell; readonly event: RunEvent }
  | { readonly type: "cell-end"; readonly cell: Cell; readonly end: CellEnd }
  /** Nothing waits any more. */
  | { readonly type: "empty" }
  /** The queue can't be reached, or says something else. */
  | { readonly type: "trouble"; readonly text: string };

/** A worker at work. */
export interface RunningWorker {
  /** Takes no further cells, and ends when those at work have ended. */
  drain(): Promise<void>;
  /** Stops the cells at work: they go back to the queue, with their checkpoints. To be called while it drains. */
  handBack(): void;
}

/** A death of the machine is no fault of the cell: so many are borne with. A cell whose own process dies is tried less often. */
const MOST_TAKEOVERS = 100;
/** Before a cell whose folder another process still has is looked at again. */
const BUSY_DELAY = 5_000;
/** Between tries to reach a queue that does not answer. */
const RECONNECT = 1_000;

/** Takes cells until it is drained. */
export async function startWorker(
  connection: QueueConnection,
  options: WorkerOptions,
): Promise<RunningWorker> {
  const { DelayedError, UnrecoverableError, WaitingError } = await import("bullmq");
  const { folder, listen, stalledAfter } = options;
  const atWork = new Map<string, AbortController>();
  const taken = new Set<string>();
  let handingBack = false;

  const work = async (job: QueuedCell, token: string | undefined): Promise<CellResult> => {
    const cell = checkedCell(job, (message) => new UnrecoverableError(message));
    if (!folder.isDone(cell)) {
      const stop = new AbortController();
      if (handingBack) stop.abort();
      atWork.set(job.id!, stop);
      listen({ type: "cell-start", cell });
      const end = await runCell(cell, {
        ...options,
        stop: stop.signal,
        listen: (event) => listen({ type: "cell-event", cell, event }),
      }).finally(() => atWork.delete(job.id!));
      listen({ type: "cell-end", cell, end });
      if (end.name === "stopped") {
        if (taken.delete(job.id!)) throw new Error("another worker has taken the cell over");
        await job.moveToWait(token);
        throw new WaitingError();
      }
      if (end.name === "busy") {
        await job.moveToDelayed(Date.now() + BUSY_DELAY, token);
        throw new DelayedError();
      }
      if (end.name === "failed") throw end.final ? new UnrecoverableError(end.line) : new Error(end.line);
    }
    return resultOf(folder, cell);
  };

  const made = (): CellWorker => {
    const worker = connection.worker(work, {
      autorun: false,
      concurrency: options.jobs,
      lockDuration: 1000 * stalledAfter,
      stalledInterval: 1000 * stalledAfter,
      maxStalledCount: MOST_TAKEOVERS,
      runRetryDelay: RECONNECT,
      drainDelay: 1,
    });
    worker.on("error", (error) => listen({ type: "trouble", text: error.message }));
    return worker;
  };
  const worker = await reached(made, connection.place, (text) => listen({ type: "trouble", text }));
  worker.on("lockRenewalFailed", (ids) => {
    for (const id of ids) {
      if (!atWork.has(id)) continue;
      taken.add(id);
      atWork.get(id)!.abort();
    }
  });
  worker.on("drained", () => listen({ type: "empty" }));
  worker.run().catch((error: Error) => listen({ type: "trouble", text: error.message }));
  return {
    drain: () => worker.close(),
    handBack() {
      handingBack = true;
      for (const stop of atWork.values()) stop.abort();
    },
  };
}

/** A cell that can't be run here can be run nowhere: no other try, and the queue says why. */
function checkedCell(job: QueuedCell, final: (message: string) => Error): Cell {
  try {
    const { id, settings } = job.data;
    return cellAgain({ id, settings: settings as Settings }, gridContext("queue"));
  } catch (error) {
    throw error instanceof InputError ? final(error.message) : error;
  }
}

function resultOf(folder: GridFolder, cell: Cell): CellResult {
  const text = (name: string): string => readFileSync(join(folder.out(cell), name), "utf8");
  return { metrics: text("metrics.json"), config: text("config.json"), seconds: folder.note(cell).seconds };
}
