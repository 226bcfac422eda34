/** @file The folder of a pre-training: config.json, events.jsonl, checkpoint, model/, metrics.json, cache/. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  decodePretraining,
  encodePretraining,
  type PretrainingCheckpoint,
} from "../../train/pretraining/checkpoint.ts";
import type { PretrainingEvent } from "../../train/pretraining/events.ts";
import { claimFolder } from "../claim-folder.ts";
import { writeWhole } from "../files.ts";
import { LineLog } from "../line-log.ts";

/** Events for the terminal only: they tell about this process, not about the training. */
const TRANSIENT: readonly PretrainingEvent["type"][] = ["phase", "resume"];
/** Options that may be other ones when a training is resumed: its rate then follows the new end. */
const CHANGEABLE = ["epochs"];

const checkpointIn = (folder: string): string => join(folder, "checkpoint.safetensors");

/** The checkpoint in a folder, if there is one. @throws InputError if it is damaged */
export function readCheckpoint(folder: string): PretrainingCheckpoint | undefined {
  const file = checkpointIn(folder);
  return existsSync(file) ? decodePretraining(readFileSync(file), file) : undefined;
}

/** One pre-training's folder. */
export class PretrainingFolder {
  readonly path: string;
  readonly #events: LineLog<PretrainingEvent & { readonly time: string }>;

  private constructor(path: string) {
    this.path = path;
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
    const known = await claimFolder(path, config, resume, CHANGEABLE);
    const folder = new PretrainingFolder(path);
    const checkpoint = known ? readCheckpoint(path) : undefined;
    await folder.#events.keep(checkpoint?.events ?? 0);
    return { folder, checkpoint };
  }

  /** Adds an event to the log, if it is one for the log. */
  log(event: PretrainingEvent): void {
    if (TRANSIENT.includes(event.type)) return;
    this.#events.append({ time: new Date().toISOString(), ...event });
  }

  /** Replaces the checkpoint. */
  saveCheckpoint(checkpoint: PretrainingCheckpoint): Promise<void> {
    return writeWhole(checkpointIn(this.path), encodePretraining(checkpoint));
  }
}
