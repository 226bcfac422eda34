/** @file A run as it goes: one live line on a terminal, plain lines elsewhere, or JSON. */
import cliProgress, { type GenericFormatter } from "cli-progress";
import { duration, jsonLine, percent, printable, rate } from "../report/format.ts";
import type { RunEvent } from "../train/events.ts";
import { asTyped } from "./flags.ts";

/** One line about what is going on, and lines that stay. */
export interface StatusLine {
  /** What is going on right now, and how much of it is done (0 to 1). */
  update(text: string, share: number): void;
  /** Prints a line without disturbing the live one. */
  line(text: string): void;
  stop(): void;
}

/** Shows work that tells events: a run, if nothing else is said. */
export interface Progress<Event = RunEvent> extends StatusLine {
  listen(event: Event): void;
}

/** Seconds between two plain lines. */
const PLAIN_INTERVAL = 5;
/** Tasks whose accuracy is listed when a task ends. */
const MOST_TASKS = 20;

/** On standard error: a line that is redrawn on a terminal, else one every few seconds. */
export function statusLine(): StatusLine {
  return process.stderr.isTTY
    ? liveLine(process.stderr)
    : plainLines((text) => void process.stderr.write(text));
}

/** One line that stays, redrawn a few times a second. */
function liveLine(stream: NodeJS.WriteStream): StatusLine {
  const format: GenericFormatter = (options, params, payload) =>
    `${cliProgress.Format.BarFormat(params.progress, options)} ${payload.text}`;
  const bar = new cliProgress.SingleBar({
    format,
    stream,
    barsize: 16,
    barCompleteString: "=".repeat(16),
    barIncompleteString: " ".repeat(16),
    fps: 5,
    hideCursor: true,
    clearOnComplete: true,
    gracefulExit: false, // the command itself handles Ctrl-C
  });
  let running = false;
  const stop = (): void => {
    if (running) bar.stop();
    running = false;
  };
  return {
    update(text, share) {
      const payload = { text: printable(text) };
      if (!running) bar.start(1, 0, payload);
      running = true;
      bar.update(share, payload);
    },
    line(text) {
      stop();
      stream.write(`${printable(text)}\n`);
    },
    stop,
  };
}

/** A line every few seconds, for logs. */
function plainLines(
  write: (text: string) => void,
  now: () => number = () => performance.now() / 1000,
): StatusLine {
  let last = now();
  const line = (text: string): void => write(`${printable(text)}\n`);
  return {
    update(text) {
      if (now() - last < PLAIN_INTERVAL) return;
      last = now();
      line(text);
    },
    line,
    stop: () => {},
  };
}

/** A run on a status line. */
export function runProgress(status: StatusLine): Progress {
  const tasks = taskCount();
  return {
    ...status,
    listen(event) {
      for (const lasting of lastingLines(event, tasks(event))) status.line(lasting);
      const passing = passingLine(event, tasks(event));
      if (passing !== undefined) status.update(passing.text, passing.share);
    },
  };
}

/** Every event as one line of JSON on `write`; remarks go to `remark`. */
export function jsonProgress<Event extends object = RunEvent>(
  write: (text: string) => void,
  remark: (text: string) => void,
): Progress<Event> {
  return { ...plainLines(remark), listen: (event) => write(`${jsonLine(event)}\n`) };
}

/** What is going on right now, and how much of it is done (0 to 1). */
function passingLine(event: RunEvent, tasks?: number): { text: string; share: number } | undefined {
  if (event.type === "step") {
    const { task, epoch, epochs, step, steps, loss, imagesPerSecond, secondsLeft } = event;
    const parts = [
      taskOf(task, tasks),
      `epoch ${epoch + 1}/${epochs}`,
      `loss ${loss.toFixed(3)}`,
      `${rate(imagesPerSecond)} images/s`,
      `${duration(secondsLeft)} of training left`,
    ];
    return { text: parts.join(", "), share: (epoch * steps + step) / (epochs * steps) };
  }
  if (event.type === "phase") {
    const { task, name, done, total } = event;
    return {
      text: `${taskOf(task, tasks)}, ${name} ${done}/${total}`,
      share: total === 0 ? 1 : done / total,
    };
  }
  return undefined;
}

/** What stays on the screen. */
function lastingLines(event: RunEvent, tasks?: number): string[] {
  switch (event.type) {
    case "run-start": {
      const { method, benchmark, backbone, classes, notes } = event;
      const start = `${method} on ${benchmark}: ${event.tasks} tasks, ${classes} classes, backbone ${backbone}`;
      return [start, ...notes.map((note) => `note: ${asTyped(note)}`)];
    }
    case "resume":
      return [
        `continuing with ${taskOf(event.task, tasks)}${event.epoch > 0 ? `, epoch ${event.epoch + 1}` : ""}`,
      ];
    case "notice":
      return [`note: ${asTyped(event.text)}`];
    case "untrained-task":
      return [
        `note: ${taskOf(event.task, tasks)} trains nothing: ${event.reason}; heads with class statistics learn it all the same`,
      ];
    case "skipped-image":
      return [`skipped ${event.id}: ${event.reason}`];
    case "task-end": {
      const done = `${taskOf(event.task, tasks)} done in ${duration(event.seconds)}`;
      if (event.accuracyMicro === null) return [`${done}, not evaluated`];
      const [readout, row] = Object.entries(event.accuracy)[0] ?? ["", []];
      const shown = row.slice(-MOST_TASKS).map((value) => percent(value));
      const left = row.length > MOST_TASKS ? "… " : "";
      const all = `${percent(event.accuracyMicro)} % of all test images so far (${readout})`;
      return [`${done}: ${all}, by task ${left}${shown.join(" ")}`];
    }
    default:
      return [];
  }
}

/** The run's number of tasks as of an event: its first event tells, or the one that resumes it. */
function taskCount(): (event: RunEvent) => number | undefined {
  let count: number | undefined;
  return (event) => {
    if (event.type === "run-start" || event.type === "resume") count = event.tasks;
    return count;
  };
}

const taskOf = (task: number, tasks?: number): string =>
  tasks === undefined ? `task ${task + 1}` : `task ${Math.min(task + 1, tasks)}/${tasks}`;
