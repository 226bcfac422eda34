/** @file A grid as it goes: one line for all cells, and lines that stay. */
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { Cell } from "../grid/cells.ts";
import type { GridFolder } from "../node/grid/folder.ts";
import type { GridEvent } from "../node/grid/local.ts";
import { type GridStatus, gridStatus } from "../node/grid/status.ts";
import { duration, percent } from "../report/format.ts";
import type { RunEvent } from "../train/events.ts";
import { type Progress, plainLines, runProgress, type StatusLine } from "./progress.ts";

/** Shows the events of a grid's cells; each cell's own go to its log, too. */
export function gridProgress(
  status: StatusLine,
  cells: readonly Cell[],
  folder: GridFolder,
  jobs: number,
): (event: GridEvent) => void {
  const running = new Map<Cell, string>();
  const logs = new Map<Cell, Progress>();
  let known = gridStatus(cells, folder, jobs);
  const show = (): void => {
    const parts = [...running].map(([cell, at]) => `${cell.label}${at}`);
    status.update([counted(known), ...parts].join("; "), known.counts.done / cells.length);
  };
  return (event) => {
    const { cell } = event;
    if (event.type !== "cell-event") known = gridStatus(cells, folder, jobs);
    if (event.type === "cell-start") {
      running.set(cell, "");
      logs.set(cell, cellLog(folder, cell));
    } else if (event.type === "cell-event") {
      logs.get(cell)!.listen(event.event);
      running.set(cell, placeOf(event.event) ?? running.get(cell)!);
    } else {
      running.delete(cell);
      logs.delete(cell);
      status.line(`${cell.id} ${cell.label}: ${endText(event, folder)}`);
    }
    show();
  };
}

/** "7 of 12 cells done, 1 failed, about 3 min 2 s left" */
export function counted({ cells, counts, secondsLeft }: GridStatus): string {
  const parts = [
    `${counts.done} of ${cells.length} cells done`,
    ...(["running", "failed", "cut"] as const).flatMap((name) =>
      counts[name] === 0 ? [] : [`${counts[name]} ${name === "cut" ? "to be continued" : name}`],
    ),
    ...(counts.waiting === 0 ? [] : [`${counts.waiting} waiting`]),
    ...(secondsLeft === undefined || secondsLeft === 0 ? [] : [`about ${duration(secondsLeft)} left`]),
  ];
  return parts.join(", ");
}

/** A cell's own lines, as `fmlora run` would print them, into its log. */
export function cellLog(folder: GridFolder, cell: Cell): Progress {
  const file = folder.log(cell);
  mkdirSync(dirname(file), { recursive: true });
  return runProgress(plainLines((text) => appendFileSync(file, text)));
}

function placeOf(event: RunEvent): string | undefined {
  if (event.type === "step") return ` task ${event.task + 1} epoch ${event.epoch + 1}/${event.epochs}`;
  return event.type === "task-start" ? ` task ${event.task + 1}` : undefined;
}

function endText({ cell, end, again }: Extract<GridEvent, { type: "cell-end" }>, folder: GridFolder): string {
  switch (end.name) {
    case "done":
      return `done in ${duration(folder.note(cell).seconds)}, ${percent(lastAccuracy(folder, cell))} %`;
    case "stopped":
      return "stopped";
    case "busy":
      return `${end.writer} is at work there`;
    case "failed":
      return `${again ? "failed, will be tried again" : "failed"}: ${end.line}`;
  }
}

const lastAccuracy = (folder: GridFolder, cell: Cell): number | null =>
  folder.metrics(cell)?.lastAccuracy ?? null;
