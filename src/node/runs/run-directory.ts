/** @file The folder of one run: config.json, events.jsonl, checkpoint, tasks.jsonl, model/, metrics.json, report.html. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunMetrics } from "../../metrics/run-metrics.ts";
import { reportHtml } from "../../report/html.ts";
import type { PicturedMistake } from "../../report/section.ts";
import { InputError } from "../../tensor/errors.ts";
import { encodeSafetensors } from "../../tensor/safetensors.ts";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../../train/checkpoint.ts";
import type { RunEvent } from "../../train/events.ts";
import { joinRecord, splitRecord, type TaskRow } from "../../train/record.ts";
import type { RunOutput } from "../../train/run.ts";
import { claimFolder } from "../files/claim-folder.ts";
import { LineLog } from "../files/line-log.ts";
import type { Lock } from "../files/lock.ts";
import { readWholeSync } from "../files/read.ts";
import { writeWhole } from "../files/write.ts";
import { RUN_FILE } from "../files/write-errors.ts";
import { chartDocument } from "./chart-document.ts";
import { resumeRules } from "./resume-rules.ts";

const CHECKPOINT = "checkpoint.safetensors";
/** Events for the terminal only: they tell about this process, not about the run. */
const TRANSIENT: readonly RunEvent["type"][] = ["phase", "resume", "notice"];

/** What a config.json of a run has, and hardly any other file of that name. */
const OWN = ["method", "methodOptions", "benchmark", "protocol"];
/** One run's folder, locked until it is closed. */
export class RunDirectory {
  readonly path: string;
  readonly #events: LineLog<RunEvent & { readonly time: string }>;
  /** What was counted in finished tasks: a checkpoint has only what can still change, and doesn't grow with the stream. */
  readonly #tasks: LineLog<TaskRow>;
  readonly #lock: Lock;
  #tasksKept = 0;

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
    this.#events = new LineLog(join(path, "events.jsonl"));
    this.#tasks = new LineLog(join(path, "tasks.jsonl"));
  }

  /**
   * Starts a fresh run in a folder, or continues the one that is there.
   * @throws InputError if a run is there that would be overwritten, or the resumed one was configured
   *   differently, or another process is at work there
   */
  static async open(
    path: string,
    config: Readonly<Record<string, unknown>>,
    resume: boolean,
  ): Promise<{
    readonly directory: RunDirectory;
    readonly checkpoint: Checkpoint | undefined;
    readonly notices: readonly string[];
  }> {
    const { known, lock, notices } = await claimFolder(path, config, resume, OWN, resumeRules);
    const directory = new RunDirectory(path, lock);
    try {
      const file = join(path, CHECKPOINT);
      const saved = known && existsSync(file) ? decodeCheckpoint(readWholeSync(file), file) : undefined;
      directory.#events.keep(saved?.events ?? 0);
      directory.#tasks.keep(saved?.task ?? 0);
      return { directory, checkpoint: saved && directory.#completed(saved), notices };
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  /** Lets other processes have the folder. */
  close(): void {
    this.#lock.release();
  }

  /** Where the loop's results go; `listener` hears every event. */
  output(model: Readonly<Record<string, unknown>>, listener: (event: RunEvent) => void): RunOutput {
    return {
      event: (event) => {
        if (!TRANSIENT.includes(event.type))
          this.#events.append({ time: new Date().toISOString(), ...event });
        listener(event);
      },
      saveCheckpoint: (checkpoint) => this.#saveCheckpoint(checkpoint),
      saveModel: async (state, tasksDone, temperatures) => {
        const description = { ...model, tasksDone, temperatures };
        const bytes = encodeSafetensors(state, { "fm-lora": JSON.stringify(description) });
        await this.#write(join("model", "model.safetensors"), bytes);
        await this.#write(join("model", "model.json"), `${JSON.stringify(description, null, 2)}\n`);
      },
    };
  }

  /** Writes metrics.json and report.html. */
  async finish(
    config: Readonly<Record<string, unknown>>,
    metrics: RunMetrics,
    mistakes: readonly PicturedMistake[],
  ): Promise<void> {
    await this.#write("metrics.json", `${JSON.stringify(metrics, null, 2)}\n`);
    const report = reportHtml(chartDocument(), config, metrics, this.#events.read(), mistakes);
    await this.#write("report.html", report);
  }

  /** Nothing is written into a folder that another process has taken, or that is no longer there. */
  #write(name: string, content: string | Uint8Array): Promise<void> {
    this.#lock.check();
    return writeWhole(join(this.path, name), content, RUN_FILE);
  }

  /** Rows before the checkpoint that knows of them: a kill in between repeats the task's end, and cuts them off. */
  async #saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    this.#lock.check();
    const [rows, record] = splitRecord(checkpoint.record, this.#tasksKept, checkpoint.task);
    for (const row of rows) this.#tasks.append(row, { flush: true });
    this.#tasksKept = checkpoint.task;
    const logs = { events: this.#events.checksum, tasks: this.#tasks.checksum };
    await this.#write(CHECKPOINT, encodeCheckpoint({ ...checkpoint, record, logs }));
  }

  /** The checkpoint with the rows of the tasks before it. */
  #completed(checkpoint: Checkpoint): Checkpoint {
    const rows = this.#tasks.read();
    if (rows.length !== checkpoint.task) {
      throw new InputError(
        `${this.#tasks.file}: has ${rows.length} tasks, the checkpoint beside it ${checkpoint.task}; start the run again in another --out`,
      );
    }
    this.#tasksKept = checkpoint.task;
    for (const [log, expected] of [
      [this.#tasks, checkpoint.logs?.tasks],
      [this.#events, checkpoint.logs?.events],
    ] as const) {
      if (log.checksum === expected) continue;
      throw new InputError(
        `${log.file}: is not as the run wrote it (its checksum is wrong); start the run again in another --out`,
      );
    }
    return { ...checkpoint, record: joinRecord(rows, checkpoint.record) };
  }
}
