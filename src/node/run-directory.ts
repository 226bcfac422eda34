/** @file The folder of one run: config.json, events.jsonl, checkpoint, model/, metrics.json, report.html. */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import { reportHtml } from "../report/html.ts";
import { InputError } from "../tensor/errors.ts";
import { encodeSafetensors } from "../tensor/safetensors.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../train/checkpoint.ts";
import type { RunEvent } from "../train/events.ts";
import type { RunOutput } from "../train/run.ts";
import { explainWrites, writeWhole } from "./files.ts";

const CHECKPOINT = "checkpoint.safetensors";
/** Events for the terminal only: they tell about this process, not about the run. */
const TRANSIENT: readonly RunEvent["type"][] = ["phase", "resume"];

/** One run's folder. */
export class RunDirectory {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Starts a fresh run in a folder, or continues the one that is there.
   * @throws InputError if a finished or running run would be overwritten, or the resumed one was configured differently
   */
  static async open(
    path: string,
    config: Readonly<Record<string, unknown>>,
    resume: boolean,
  ): Promise<{ directory: RunDirectory; checkpoint: Checkpoint | undefined }> {
    const directory = new RunDirectory(path);
    const configFile = join(path, "config.json");
    if (existsSync(configFile)) {
      if (!resume) {
        throw new InputError(
          `${path}: a run is already there; continue it with --resume, or choose another --out`,
        );
      }
      checkSameConfig(configFile, config);
    } else await writeWhole(configFile, `${JSON.stringify(config, null, 2)}\n`);
    const file = join(path, CHECKPOINT);
    const checkpoint = existsSync(file) ? decodeCheckpoint(readFileSync(file), file) : undefined;
    directory.#keepEvents(checkpoint?.events ?? 0);
    return { directory, checkpoint };
  }

  /** Where the loop's results go; `listener` hears every event. */
  output(model: Readonly<Record<string, unknown>>, listener: (event: RunEvent) => void): RunOutput {
    return {
      event: (event) => {
        this.#log(event);
        listener(event);
      },
      saveCheckpoint: (checkpoint) => writeWhole(join(this.path, CHECKPOINT), encodeCheckpoint(checkpoint)),
      saveModel: async (state, tasksDone) => {
        const description = { ...model, tasksDone };
        const bytes = encodeSafetensors(state, { "fm-lora": JSON.stringify(description) });
        await writeWhole(join(this.path, "model", "model.safetensors"), bytes);
        await writeWhole(join(this.path, "model", "model.json"), `${JSON.stringify(description, null, 2)}\n`);
      },
    };
  }

  /** Writes metrics.json and report.html. */
  async finish(config: Readonly<Record<string, unknown>>, metrics: RunMetrics): Promise<void> {
    await writeWhole(join(this.path, "metrics.json"), `${JSON.stringify(metrics, null, 2)}\n`);
    await writeWhole(join(this.path, "report.html"), reportHtml(config, metrics, this.#events()));
  }

  #log(event: RunEvent): void {
    if (TRANSIENT.includes(event.type)) return;
    const file = join(this.path, "events.jsonl");
    const line = `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`;
    try {
      appendFileSync(file, line);
    } catch (error) {
      throw new InputError(
        `${file}: cannot be written: ${(error as Error).message}; continue with --resume`,
        { cause: error },
      );
    }
  }

  #events(): RunEvent[] {
    const file = join(this.path, "events.jsonl");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as RunEvent);
  }

  /** Cuts the log back to what the checkpoint knows of. */
  #keepEvents(count: number): void {
    const file = join(this.path, "events.jsonl");
    if (!existsSync(file)) return;
    const bytes = readFileSync(file);
    let end = 0;
    for (let kept = 0; kept < count && end < bytes.length; kept++) {
      const newline = bytes.indexOf(10, end);
      end = newline === -1 ? bytes.length : newline + 1;
    }
    void explainWrites(file, () => truncateSync(file, end));
  }
}

function checkSameConfig(file: string, config: Readonly<Record<string, unknown>>): void {
  const before = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const now = JSON.parse(JSON.stringify(config)) as Record<string, unknown>;
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (!isDeepStrictEqual(before[key], now[key])) {
      throw new InputError(
        `${file}: the run there has ${key} ${JSON.stringify(before[key])}, now it is ${JSON.stringify(now[key])}; resume with the same options, or choose another --out`,
      );
    }
  }
}
