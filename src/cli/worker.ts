/** @file `fmlora worker` */
import { Command, Option } from "@commander-js/extra-typings";
import type { Cell } from "../grid/cells.ts";
import type { CellEnd } from "../node/grid/cell-process.ts";
import { GridFolder } from "../node/grid/folder.ts";
import { threadShare } from "../node/grid/local.ts";
import { connectQueue } from "../node/grid/queue.ts";
import { type RunningWorker, startWorker, type WorkerEvent } from "../node/grid/worker.ts";
import { LOGGERS } from "../run/logger.ts";
import { InputError } from "../tensor/errors.ts";
import { threadsFrom, threadsOption, wholeNumber } from "./grid-options.ts";
import { cellLog } from "./grid-progress.ts";
import { nameOption, queueOption } from "./grid-queue.ts";
import type { Progress } from "./progress.ts";

/** Takes cells out of a queue and runs them. */
export function workerCommand() {
  return new Command("worker")
    .addOption(queueOption())
    .addOption(nameOption())
    .addOption(
      new Option(
        "--out <folder>",
        "where cells run; shared with other workers, a cell continues from another's checkpoint",
      ).default("runs/worker"),
    )
    .addOption(new Option("--jobs <n>", "cells at a time").default("1"))
    .addOption(threadsOption())
    .addOption(new Option("--log <names>", `who else hears of the runs, of: ${LOGGERS.join(", ")}`))
    .addOption(
      new Option("--stalled-after <s>", "seconds without a sign of life, then others take its cells").default(
        "30",
      ),
    )
    .addOption(
      new Option(
        "--grace <s>",
        "seconds that cells at work may go on after a first Ctrl-C (default: no limit)",
      ),
    )
    .addOption(new Option("--until-empty", "end when no cell waits"))
    .addHelpText(
      "after",
      "\nCtrl-C or SIGTERM: ends when the cells at work are done. A second one stops them where nothing is lost and gives\nthem back to the queue, a third ends at once.",
    )
    .action(async ({ queue, name, out, jobs, threads, log, stalledAfter, grace, untilEmpty }) => {
      const count = wholeNumber("jobs", jobs, 1);
      const folder = new GridFolder(out);
      const options = {
        folder,
        jobs: count,
        threads: threadsFrom(threads) ?? threadShare(count),
        log: loggers(log),
        stalledAfter: wholeNumber("stalled-after", stalledAfter, 1),
      };
      const patience = grace === undefined ? undefined : wholeNumber("grace", grace, 0);
      const connection = await connectQueue(queue, name);
      say(`waiting for cells at ${connection.place}`);
      await working(folder, patience, untilEmpty === true, (listen) =>
        startWorker(connection, { ...options, listen }),
      );
    });
}

/** Until the worker is told to end. */
async function working(
  folder: GridFolder,
  grace: number | undefined,
  untilEmpty: boolean,
  start: (listen: (event: WorkerEvent) => void) => Promise<RunningWorker>,
): Promise<void> {
  let drained = (): void => {};
  const draining = new Promise<void>((resolve) => {
    drained = resolve;
  });
  const told = reporter(folder);
  const worker = await start((event) => {
    told(event);
    if (event.type === "empty" && untilEmpty) drained();
  });
  let signals = 0;
  const stop = (): void => {
    signals++;
    if (signals > 2) process.exit(130);
    if (signals === 1) {
      say("taking no further cells; once more gives those at work back to the queue");
      drained();
      if (grace !== undefined) setTimeout(() => worker.handBack(), 1000 * grace).unref();
    } else {
      say("giving cells back");
      worker.handBack();
    }
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  try {
    await draining;
    await worker.drain();
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

/** A line for every cell; the cells' own lines go to their logs. Trouble that repeats is said once. */
function reporter(folder: GridFolder): (event: WorkerEvent) => void {
  const logs = new Map<string, Progress>();
  let trouble = "";
  return (event) => {
    if (event.type === "cell-start") {
      logs.set(event.cell.id, cellLog(folder, event.cell));
      say(`${nameOf(event.cell)}: begins`);
    } else if (event.type === "cell-event") {
      logs.get(event.cell.id)!.listen(event.event);
    } else if (event.type === "cell-end") {
      logs.delete(event.cell.id);
      say(`${nameOf(event.cell)}: ${endText(event.end)}`);
    } else if (event.type === "trouble" && event.text !== trouble) {
      trouble = event.text;
      say(`queue: ${event.text}`);
    }
  };
}

function endText(end: CellEnd): string {
  if (end.name === "busy") return `${end.writer} is at work there; later`;
  return end.name === "failed" ? `failed: ${end.line}` : end.name;
}

/** A cell from the queue is alone: its settings tell which one it is. */
const nameOf = ({ id, settings }: Cell): string =>
  `${id} ${settings.method} on ${settings.benchmark}${settings.seed === undefined ? "" : `, seed ${settings.seed}`}`;

function loggers(text: string | undefined): string[] {
  const names = text === undefined ? [] : text.split(",").map((name) => name.trim());
  const wrong = names.find((name) => !(LOGGERS as readonly string[]).includes(name));
  if (wrong === undefined) return names;
  throw new InputError(`--log "${wrong}": expected one or more of: ${LOGGERS.join(", ")}`);
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
