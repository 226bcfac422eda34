/** @file Models in the browser's own file system, by name: who may write one, and how it is changed whole or not at all. */
import { isPrevious, MODEL_FILE, previousName } from "../learner/file-names.ts";
import type { ImageLearner } from "../learner/index.ts";
import { decodeModel, type ModelDescription } from "../learner/model-file.ts";
import { InputError } from "../tensor/errors.ts";
import { requireSecureContext } from "./secure.ts";

/** Folder of all models, and the names of their locks. */
const ROOT = "fm-lora";

/** The files of a model. */
export interface StoredModel {
  readonly model: Uint8Array;
  readonly description: ModelDescription;
  readonly previous: Uint8Array | undefined;
}

/** Names of the models that are stored in this browser for this site, in order. */
export async function modelNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const [name, handle] of (await root()).entries()) {
    if (handle.kind !== "directory") continue;
    const model = await fileIn(handle as FileSystemDirectoryHandle, MODEL_FILE);
    if (model !== undefined) names.push(decodeURIComponent(name));
  }
  return names.sort();
}

/** Removes a stored model, if there is one. @throws InputError if a learner is at work there */
export async function removeModel(name: string): Promise<void> {
  const release = await lock(name);
  try {
    await (await root()).removeEntry(directoryName(name), { recursive: true });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  } finally {
    release();
  }
}

/** Reads a stored model. @throws InputError if there is none, or it is another version's */
export async function readModel(name: string): Promise<StoredModel> {
  const folder = await directory(name);
  const file = folder === undefined ? undefined : await fileIn(folder, MODEL_FILE);
  if (folder === undefined || file === undefined) {
    const all = await modelNames();
    throw new InputError(
      `there is no model "${name}" in this browser; ${all.length === 0 ? "there are none yet" : `there are: ${all.join(", ")}`}`,
    );
  }
  const model = await bytesOf(file);
  const { description } = decodeModel(model, name);
  const previous = await fileIn(folder, previousName(description.learner?.learns ?? 0));
  return { model, description, previous: previous === undefined ? undefined : await bytesOf(previous) };
}

/** A model's place, locked until it is closed: other tabs and windows can't write there. The lock ends with the tab. */
export class ModelPlace {
  readonly name: string;
  readonly #release: () => void;

  private constructor(name: string, release: () => void) {
    this.name = name;
    this.#release = release;
  }

  /** @throws InputError if another learner is at work there */
  static async open(name: string): Promise<ModelPlace> {
    return new ModelPlace(name, await lock(name));
  }

  /** The same for a model that is not there yet. @throws InputError if there is one */
  static async forNew(name: string): Promise<ModelPlace> {
    const place = await ModelPlace.open(name);
    const folder = await directory(name);
    if (folder === undefined || (await fileIn(folder, MODEL_FILE)) === undefined) return place;
    place.close();
    throw new InputError(
      `another model is stored as "${name}" already; open that one, or choose another name`,
    );
  }

  /** Writes the learner's files: a closed tab in between leaves the model as it was, or as it is to be. */
  async write(learner: ImageLearner): Promise<void> {
    const { model, previous } = await learner.files();
    try {
      const folder = await (await root()).getDirectoryHandle(directoryName(this.name), { create: true });
      const kept = previous === undefined ? undefined : previousName(learner.learns);
      if (previous === undefined) await removePrevious(folder, kept);
      else await writeWhole(folder, kept!, previous);
      await writeWhole(folder, MODEL_FILE, model);
      await removePrevious(folder, kept);
    } catch (error) {
      if ((error as DOMException).name !== "QuotaExceededError") throw error;
      throw new InputError(
        `the browser has no room left for the model "${this.name}"; what is stored of it is as it was: free some, or take the file elsewhere`,
        { cause: error },
      );
    }
  }

  /** Lets others have the place. */
  close(): void {
    this.#release();
  }
}

/** @returns what lets go of it @throws InputError if somebody has it */
function lock(name: string): Promise<() => void> {
  checkName(name);
  requireSecureContext();
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`${ROOT}:${name}`, { ifAvailable: true }, (granted) => {
        if (granted === null) {
          throw new InputError(
            `a learner is at work on the model "${name}", perhaps in another tab; close it there, or choose another name`,
          );
        }
        return new Promise<void>((release) => resolve(release));
      })
      .catch(reject);
  });
}

/** The bytes are in another file until all are written; closing puts that in the place of the old one. */
async function writeWhole(folder: FileSystemDirectoryHandle, name: string, bytes: Uint8Array): Promise<void> {
  const file = await folder.getFileHandle(name, { create: true });
  const stream = await file.createWritable();
  try {
    await stream.write(bytes as Uint8Array<ArrayBuffer>);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => {}); // it may be closed by its own failure
    throw error;
  }
}

async function removePrevious(folder: FileSystemDirectoryHandle, kept: string | undefined): Promise<void> {
  const names: string[] = [];
  for await (const name of folder.keys()) if (isPrevious(name) && name !== kept) names.push(name);
  for (const name of names) await folder.removeEntry(name);
}

async function root(): Promise<FileSystemDirectoryHandle> {
  requireSecureContext();
  return (await navigator.storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
}

async function directory(name: string): Promise<FileSystemDirectoryHandle | undefined> {
  checkName(name);
  return orNothing((await root()).getDirectoryHandle(directoryName(name)));
}

/** A file with something in it: one that is being written for the first time is empty. */
async function fileIn(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  const handle = await orNothing(folder.getFileHandle(name));
  const file = await handle?.getFile();
  return file === undefined || file.size === 0 ? undefined : file;
}

const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());

const orNothing = <Value>(handle: Promise<Value>): Promise<Value | undefined> =>
  handle.catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });

const isNotFound = (error: unknown): boolean => (error as DOMException).name === "NotFoundError";

/** Names of folders may hold no slashes and not be dots. */
const directoryName = (name: string): string => encodeURIComponent(name).replaceAll(".", "%2E");

function checkName(name: string): void {
  if (name.trim() === "") throw new InputError("a model needs a name that isn't empty");
}
