/** @file Who else may hear of a run: trackers such as TensorBoard and MLflow, or one's own. */
import type { RunEvent } from "../train/events.ts";

/** Names of the loggers that come along, for `--log`. */
export const LOGGERS = ["tensorboard", "mlflow", "csv"] as const;

/** One number of a run at a step of its own axis. */
export interface Scalar {
  /** "loss", "accuracy/task_1" */
  readonly name: string;
  /** Optimizer steps for what is told while training, tasks (from 1) for what is told after one, images for "anytime". */
  readonly step: number;
  readonly value: number;
}

/** An event with its time and its numbers. */
export interface LogEntry {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly event: RunEvent;
  readonly scalars: readonly Scalar[];
}

/** A run as it begins or continues. */
export interface LoggedRun {
  /** Its folder. */
  readonly out: string;
  /** The resolved configuration, as in config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  /** What happened before, where a run is resumed. */
  readonly history: readonly LogEntry[];
}

/** How a run ended. */
export type RunEnd = "finished" | "stopped" | "failed";

/** Hears of one run. Whatever it throws never stops the run. */
export interface RunLogger {
  /** Every event in order. It must not wait: what takes time is done later. */
  log(entry: LogEntry): void;
  /** After the last event: what is still to be done, in a time that a user would wait. */
  close(end: RunEnd): Promise<void>;
}

/** Makes a logger for a run; its files are there. */
export type OpenLogger = (run: LoggedRun) => RunLogger;
