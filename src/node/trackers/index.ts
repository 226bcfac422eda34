/** @file Trackers by name, and a run that they hear of. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LOGGERS, type LogEntry, type OpenLogger, type RunEnd, type RunLogger } from "../../run/logger.ts";
import { RunScalars } from "../../run/scalars.ts";
import { InputError } from "../../tensor/errors.ts";
import type { RunEvent } from "../../train/events.ts";
import { LineLog } from "../files/line-log.ts";
import { csvLogger } from "./csv.ts";
import { mlflowLogger, mlflowSettings } from "./mlflow.ts";
import { tensorboardLogger } from "./tensorboard.ts";

/** A line for the user. */
export type Tell = (line: string) => void;

/** Loggers by the names of `--log`. @throws InputError at an unknown one, or one that lacks its settings */
export function loggersNamed(names: readonly string[], tell: Tell): OpenLogger[] {
  return names.map((name): OpenLogger => {
    if (name === "tensorboard") return tensorboardLogger;
    if (name === "csv") return csvLogger;
    if (name === "mlflow") {
      const settings = mlflowSettings();
      return (run) => mlflowLogger(run, settings, tell);
    }
    throw new InputError(`--log "${name}": expected one or more of: ${LOGGERS.join(", ")}`);
  });
}

/** A run and who hears of it. */
export interface TrackedRun {
  /** Its folder. */
  readonly out: string;
  readonly loggers: readonly OpenLogger[];
  /** Told once of each logger that fails. */
  readonly tell: Tell;
  readonly signal?: AbortSignal | undefined;
}

/** Runs with loggers: they open with the first event, when the run's folder is there, and none of them can stop it. */
export async function tracked<T>(
  { out, loggers, tell, signal }: TrackedRun,
  run: (listen: (event: RunEvent) => void) => Promise<T>,
): Promise<T> {
  if (loggers.length === 0) return run(() => {});
  const tracks = new Tracks(out, loggers, tell);
  let end: RunEnd = "failed";
  try {
    const result = await run((event) => tracks.log(event));
    end = "finished";
    return result;
  } catch (error) {
    if (signal?.aborted === true) end = "stopped";
    throw error;
  } finally {
    await tracks.close(end);
  }
}

class Tracks {
  readonly #out: string;
  readonly #open: readonly OpenLogger[];
  readonly #tell: Tell;
  readonly #scalars = new RunScalars();
  readonly #loggers = new Set<RunLogger>();
  #opened = false;

  constructor(out: string, open: readonly OpenLogger[], tell: Tell) {
    this.#out = out;
    this.#open = open;
    this.#tell = tell;
  }

  log(event: RunEvent): void {
    if (!this.#opened) this.#openAll(event);
    const entry = this.#entry(event, Date.now());
    for (const logger of this.#loggers) this.#guarded(logger, () => logger.log(entry));
  }

  async close(end: RunEnd): Promise<void> {
    await Promise.all(
      [...this.#loggers].map((logger) =>
        logger.close(end).catch((error: unknown) => this.#lost(logger, error)),
      ),
    );
  }

  /** A resumed run's log has been cut to what its checkpoint knows. */
  #openAll(event: RunEvent): void {
    this.#opened = true;
    const lines = event.type === "resume" ? this.#past() : [];
    const history = lines.map(({ time, ...past }) => this.#entry(past as RunEvent, Date.parse(time)));
    const config = JSON.parse(readFileSync(join(this.#out, "config.json"), "utf8"));
    for (const open of this.#open) {
      this.#guarded(undefined, () => this.#loggers.add(open({ out: this.#out, config, history })));
    }
  }

  #past(): (RunEvent & { readonly time: string })[] {
    return new LineLog<RunEvent & { readonly time: string }>(join(this.#out, "events.jsonl")).read();
  }

  #entry(event: RunEvent, time: number): LogEntry {
    return { time, event, scalars: this.#scalars.next(event) };
  }

  #guarded(logger: RunLogger | undefined, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#lost(logger, error);
    }
  }

  #lost(logger: RunLogger | undefined, error: unknown): void {
    if (logger !== undefined) this.#loggers.delete(logger);
    this.#tell(`--log: ${(error as Error).message}; the run goes on without it`);
  }
}
