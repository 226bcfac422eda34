/** @file The folder of a pre-training: config.json, events.jsonl, checkpoint, model/, metrics.json, cache/. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  decodePretraining,
  encodePretraining,
  type PretrainingCheckpoint,
} from "../../pretraining/checkpoint.ts";
import type { PretrainingEvent } from "../../pretraining/events.ts";
import { type ConfigRules, claimFolder } from "../files/claim-folder.ts";
import { LineLog } from "../files/line-log.ts";
import type { Lock } from "../files/lock.ts";
import { readWholeSync } from "../files/read.ts";
import { writeWhole } from "../files/write.ts";
import { RUN_FILE } from "../files/write-errors.ts";

/** Events for the terminal only: they tell about this process, not about the training. */
const TRANSIENT: readonly PretrainingEvent["type"][] = ["phase", "resume", "notice"];
/** What a config.json of a pre-training has, and hardly any other file of that name. */
const OWN = ["data", "network", "teacherShare"];
/** When a training is resumed, its rate follows the new end. */
const rules: ConfigRules = { mayChange: (name) => name === "epochs" };

const checkpointIn = (folder: string): string => join(folder, "checkpoint.safetensors");

/** The checkpoint in a folder, if there is one. @throws InputError if it is damaged */
export function readCheckpoint(folder: string): PretrainingCheckpoint | undefined {
  const file = checkpointIn(folder);
  return existsSync(file) ? decodePretraining(readWholeSync(file), file) : undefined;
}

/** One pre-training's folder, locked until it is closed. */
export class PretrainingFolder {
  readonly path: string;
  readonly #events: LineLog<PretrainingEvent & { readonly time: string }>;
  readonly #lock: Lock;

  private constructor(path: string, lock: Lock) {
    this.path = path;
    this.#lock = lock;
    this.#events = new LineLog(join(path, "events.jsonl"));
  }

  /**
   * Starts a fresh training in a folder, or continues the one that is there.
   * @throws InputError if one is there that would be overwritten, or the resumed one was configured differently
   */
  static async open(
    path: string,
    config: Readonly<Record<string, unknown>>,
    resume: boolean,
  ): Promise<{ folder: PretrainingFolder; checkpoint: PretrainingCheckpoint | undefined }> {
    const { known, lock } = await claimFolder(path, config, resume, OWN, rules);
    const folder = new PretrainingFolder(path, lock);
    try {
      const checkpoint = known ? readCheckpoint(path) : undefined;
      folder.#events.keep(checkpoint?.events ?? 0);
      return { folder, checkpoint };
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  /** Lets other processes have the folder. */
  close(): void {
    this.#lock.release();
  }

  /** Adds an event to the log, if it is one for the log. */
  log(event: PretrainingEvent): void {
    if (TRANSIENT.includes(event.type)) return;
    this.#events.append({ time: new Date().toISOString(), ...event });
  }

  /** Replaces the checkpoint. @throws InputError if the disk is full, or another process has taken the folder */
  async saveCheckpoint(checkpoint: PretrainingCheckpoint): Promise<void> {
    this.#lock.check();
    await writeWhole(checkpointIn(this.path), encodePretraining(checkpoint), RUN_FILE);
  }
}
