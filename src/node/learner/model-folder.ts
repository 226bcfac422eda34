/** @file The folder of a learner's model: the file, the state before it, and who may write there. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isPrevious, MODEL_FILE, previousName } from "../../learner/file-names.ts";
import type { ImageLearner } from "../../learner/index.ts";
import { decodeModel, type ModelDescription } from "../../learner/model-file.ts";
import { InputError } from "../../tensor/errors.ts";
import { lockFolder } from "../files/folder-lock.ts";
import type { Lock } from "../files/lock.ts";
import { readWholeSync } from "../files/read.ts";
import { writeWhole } from "../files/write.ts";
import type { Written } from "../files/write-errors.ts";
import { modelFileIn } from "../runs/model.ts";

/** What chooses another folder. */
const OPTION = "--model";

/** What to do where a file can't be written. */
const MODEL: Written = {
  what: "the model",
  advice: (full) => (full ? "; it is as it was before" : `; choose another ${OPTION}`),
};

/** The files of a model. */
export interface StoredModel {
  readonly file: string;
  readonly model: Uint8Array;
  readonly description: ModelDescription;
  readonly previous: Uint8Array | undefined;
}

/** A model's folder, locked until it is closed. */
export class ModelFolder {
  readonly path: string;
  readonly #lock: Lock;
  readonly #made: boolean;

  private constructor(path: string, lock: Lock, made: boolean) {
    this.path = path;
    this.#lock = lock;
    this.#made = made;
  }

  /** Locks a folder, and makes it if need be. @throws InputError if another learner is at work there, or it can't be written */
  static async open(path: string): Promise<ModelFolder> {
    const made = !existsSync(path);
    return new ModelFolder(path, await lockFolder(path, OPTION), made);
  }

  /** The same for a model that is not there yet. @throws InputError if there is one */
  static async forNew(path: string): Promise<ModelFolder> {
    const folder = await ModelFolder.open(path);
    if (!folder.#used) return folder;
    folder.close();
    throw new InputError(`${path}: another model is there already; open that one, or choose another folder`);
  }

  /** Whether there is a model. */
  get #used(): boolean {
    return modelFileIn(this.path) !== undefined;
  }

  /** Writes the learner's files: a kill in between leaves the model as it was, or as it is to be. */
  async write(learner: ImageLearner): Promise<void> {
    const { model, previous, description } = await learner.files();
    this.#lock.check();
    const file = modelFileIn(this.path) ?? join(this.path, MODEL_FILE);
    const folder = dirname(file);
    const kept = previous === undefined ? undefined : previousName(learner.learns);
    if (previous === undefined) removePrevious(folder, kept);
    else await writeWhole(join(folder, kept!), previous, MODEL);
    await writeWhole(file, model, MODEL);
    await writeWhole(join(folder, "model.json"), `${JSON.stringify(description, null, 2)}\n`, MODEL);
    removePrevious(folder, kept);
  }

  /** Lets others have the folder. One that was made and got no model goes. */
  close(): void {
    this.#lock.release();
    if (!this.#made || this.#used) return;
    try {
      rmdirSync(this.path);
    } catch {
      // something else lies there by now
    }
  }
}

/** Reads a folder's model. @throws InputError if there is none, or it is another version's */
export function readModel(path: string): StoredModel {
  const file = modelFileIn(path);
  if (file === undefined) {
    throw new InputError(
      `${path}: there is no model (model.safetensors); fmlora learn and fmlora run write one, or name another ${OPTION}`,
    );
  }
  const model = readWholeSync(file);
  const { description } = decodeModel(model, file);
  const previous = join(dirname(file), previousName(description.learner?.learns ?? 0));
  return { file, model, description, previous: existsSync(previous) ? readWholeSync(previous) : undefined };
}

function removePrevious(folder: string, kept: string | undefined): void {
  for (const name of readdirSync(folder)) {
    if (isPrevious(name) && name !== kept) rmSync(join(folder, name), { force: true });
  }
}
