/** @file `fmlora grid enqueue` and `fmlora grid collect` */
import { setTimeout as wait } from "node:timers/promises";
import { Command, Option } from "@commander-js/extra-typings";
import { collect, type ExchangeOptions, enqueue } from "../node/grid/exchange.ts";
import { type CellQueue, connectQueue, reached } from "../node/grid/queue.ts";
import { type GridStatus, statusOf } from "../node/grid/status.ts";
import { GridFailedError } from "./failures.ts";
import { type OpenedGrid, opened, outOption, tableArgument, wholeNumber } from "./grid-options.ts";
import { counted } from "./grid-progress.ts";
import { statusText } from "./grid-status.ts";
import { type StatusLine, statusLine } from "./progress.ts";
import { stoppable } from "./stoppable.ts";

/** Between two looks at the queue, in milliseconds. */
const INTERVAL = 1_000;

/** Where the queue is. */
export const queueOption = () =>
  new Option(
    "--queue <url>",
    "redis://HOST or postgres://HOST/DATABASE, without a password: FMLORA_QUEUE_PASSWORD has it (default: FMLORA_QUEUE)",
  );

/** Which of the server's queues. */
export const nameOption = () =>
  new Option("--name <name>", "name of the queue on its server").default("cells");

/** Puts cells into a queue. */
export function gridEnqueueCommand() {
  return new Command("enqueue")
    .description("put the cells that are not done into a queue, for fmlora worker")
    .addArgument(tableArgument())
    .addOption(queueOption())
    .addOption(nameOption())
    .addOption(outOption())
    .addOption(new Option("--retries <n>", "how often a cell is begun again whose process died").default("2"))
    .addOption(new Option("--wait", "wait for the results, and fetch each as it is there"))
    .action((table, { queue, name, out, retries, wait: waiting }) =>
      exchanging(
        opened(table, out),
        { queue, name, retries: wholeNumber("retries", retries, 0) },
        async (found, options) => {
          const { added, again } = await enqueue(found.grid.cells, options);
          const retried = again === 0 ? "" : `, ${again} that failed are tried again`;
          process.stderr.write(`${added} cells put into the queue${retried}\n`);
          if (waiting === true) await untilDone(found, options);
        },
      ),
    );
}

/** Fetches results. */
export function gridCollectCommand() {
  return new Command("collect")
    .description("fetch from a queue what is done there, and say where the other cells are")
    .addArgument(tableArgument())
    .addOption(queueOption())
    .addOption(nameOption())
    .addOption(outOption())
    .addOption(new Option("--wait", "until every cell is done or has failed"))
    .action((table, { queue, name, out, wait: waiting }) =>
      exchanging(opened(table, out), { queue, name, retries: 0 }, async (found, options) => {
        if (waiting === true) return untilDone(found, options);
        const cells = await collect(found.grid.cells, { ...options, replace: false });
        process.stdout.write(statusText(statusOf(cells)));
      }),
    );
}

interface QueueArguments {
  readonly queue: string | undefined;
  readonly name: string;
  readonly retries: number;
}

async function exchanging(
  found: OpenedGrid,
  { queue: url, name, retries }: QueueArguments,
  action: (found: OpenedGrid, options: ExchangeOptions) => Promise<void>,
): Promise<void> {
  const connection = await connectQueue(url, name);
  let told = false;
  const tell = (line: string): void => {
    if (!told) process.stderr.write(`${line}\n`);
    told = true;
  };
  const made = (): CellQueue => {
    const queue = connection.queue();
    queue.on("error", (error) => tell(`the queue at ${connection.place} does not answer (${error.message})`));
    return queue;
  };
  const queue = await reached(made, connection.place, tell);
  await found.folder.describe(found.grid.cells);
  try {
    await action(found, { queue, folder: found.folder, retries });
  } finally {
    await queue.close();
  }
}

/** Until no cell waits or runs. @throws GridFailedError if any failed */
async function untilDone({ table, grid, folder }: OpenedGrid, options: ExchangeOptions): Promise<void> {
  const status = statusLine();
  const end = await stoppable(
    status,
    (stop) => watching({ table, grid, folder }, options, status, stop),
    "stopped waiting; the cells stay in the queue, and fmlora grid collect fetches their results",
  );
  process.stderr.write(`${counted(end)}; fmlora compare ${folder.path} shows them\n`);
  if (end.counts.failed === 0) return;
  process.stdout.write(statusText(end));
  throw new GridFailedError(`${table}: ${end.counts.failed} of ${grid.cells.length} cells failed`);
}

async function watching(
  { grid }: OpenedGrid,
  options: ExchangeOptions,
  status: StatusLine,
  stop: AbortSignal,
): Promise<GridStatus> {
  for (;;) {
    stop.throwIfAborted();
    const cells = await collect(grid.cells, { ...options, replace: true }).catch((error: Error) => {
      status.update(`the queue does not answer (${error.message})`, 0);
      return undefined;
    });
    if (cells !== undefined) {
      const now = statusOf(cells);
      status.update(counted(now), now.counts.done / cells.length);
      if (now.counts.done + now.counts.failed === cells.length) return now;
    }
    await wait(INTERVAL, undefined, { signal: stop });
  }
}
