/** @file A grid's cells into the queue, and their results out of it. */
import { join } from "node:path";
import type { Cell } from "../../grid/cells.ts";
import { writeWhole } from "../files/write.ts";
import type { CellState, GridFolder } from "./folder.ts";
import type { CellQueue, QueuedCell } from "./queue.ts";
import type { CellStatus } from "./status.ts";

/** What becomes of cells in a queue. */
export interface ExchangeOptions {
  readonly queue: CellQueue;
  readonly folder: GridFolder;
  /** How often a cell is begun again whose process died. */
  readonly retries: number;
}

/** What was done with the cells. */
export interface Enqueued {
  readonly added: number;
  /** Failed ones that are tried again. */
  readonly again: number;
}

/** Seconds before a cell is tried again, doubled each time. */
const BACKOFF = 5;

/** Not a number alone, which BullMQ takes for its own. */
const jobId = ({ id }: Pick<Cell, "id">): string => `cell-${id}`;

/** Puts the cells into the queue that are neither done nor there; those that failed are tried again. */
export async function enqueue(cells: readonly Cell[], options: ExchangeOptions): Promise<Enqueued> {
  const { queue, folder } = options;
  let again = 0;
  const missing: Cell[] = [];
  for (const cell of cells) {
    if (folder.isDone(cell)) continue;
    const job = await jobOf(queue, cell);
    if (job === undefined) missing.push(cell);
    else if ((await job.getState()) === "failed") {
      await job.retry("failed", { resetAttemptsMade: true });
      again++;
    }
  }
  await add(missing, options);
  return { added: missing.length, again };
}

/**
 * Fetches what is done, and says where the others are. A cell that the queue has lost, as one without a disk does when
 * it dies, is put into it again if `replace` is set.
 */
export async function collect(
  cells: readonly Cell[],
  options: ExchangeOptions & { readonly replace: boolean },
): Promise<CellStatus[]> {
  const { queue, folder, replace } = options;
  const statuses: CellStatus[] = [];
  const lost: Cell[] = [];
  for (const cell of cells) {
    if (folder.isDone(cell)) {
      statuses.push({ cell, state: folder.state(cell) });
      continue;
    }
    const job = await jobOf(queue, cell);
    if (job === undefined) lost.push(cell);
    statuses.push({
      cell,
      state: job === undefined ? { name: "waiting" } : await stateOf(job, cell, folder),
    });
  }
  if (replace) await add(lost, options);
  return statuses;
}

async function add(cells: readonly Cell[], { queue, retries }: ExchangeOptions): Promise<void> {
  await queue.addBulk(
    cells.map((cell) => ({
      name: "cell",
      data: { id: cell.id, settings: cell.settings },
      opts: {
        jobId: jobId(cell), // a cell that is there is not added again
        attempts: retries + 1,
        backoff: { type: "exponential", delay: 1000 * BACKOFF },
      },
    })),
  );
}

async function jobOf(queue: CellQueue, cell: Cell): Promise<QueuedCell | undefined> {
  return (await queue.getJob(jobId(cell))) as QueuedCell | undefined;
}

/** Writes what a done one brought: metrics.json last, which makes it done. */
async function stateOf(job: QueuedCell, cell: Cell, folder: GridFolder): Promise<CellState> {
  const state = await job.getState();
  switch (state) {
    case "completed": {
      const { metrics, config, seconds } = job.returnvalue;
      await folder.writeNote(cell, { failures: 0, seconds });
      await writeWhole(join(folder.out(cell), "config.json"), config);
      await writeWhole(join(folder.out(cell), "metrics.json"), metrics);
      return { name: "done", seconds };
    }
    case "active": {
      const since = job.processedOn ?? Date.now();
      return { name: "running", writer: "a worker is at work", seconds: (Date.now() - since) / 1000 };
    }
    case "failed":
      return { name: "failed", line: job.failedReason };
    default:
      return { name: "waiting" };
  }
}
