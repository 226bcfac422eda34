/** @file Image files named on the command line, as batches. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Batch, Preprocessing } from "../data/dataset.ts";
import { nameHint } from "../data/file-names.ts";
import { folderTree } from "../node/archives/file-tree.ts";
import { imagesBelow, Leftovers } from "../node/archives/image-walk.ts";
import { LARGEST_IMAGE, readWhole } from "../node/files/read.ts";
import { sharpTransform } from "../node/images/transform.ts";
import { InputError } from "../tensor/errors.ts";

/** Images decoded together. */
const BATCH = 64;
/** Files held at the same time, each of `LARGEST_IMAGE` at most: more than the threads that decode them gain nothing. */
const AT_A_TIME = 8;

/** What was named on the command line. */
export interface NamedImages {
  readonly files: readonly string[];
  /** What a user should know of the folders, a line each. */
  readonly notices: readonly string[];
}

/**
 * The files as they are, and for folders all images in them and below, in the order of their paths' characters.
 * @throws InputError for a folder without images
 */
export async function imagesIn(filesOrFolders: readonly string[]): Promise<NamedImages> {
  const files: string[] = [];
  const leftovers = new Leftovers();
  for (const path of filesOrFolders) {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
    if (!isFolder) {
      files.push(path); // one that is missing is told when it is read
      continue;
    }
    const names = await imagesBelow(folderTree(path), "", leftovers);
    if (names.length === 0) {
      const others = leftovers.notices.map((notice) => `; ${notice}`).join("");
      throw new InputError(
        `${path}: no images in this folder; expected .jpg, .jpeg, .png, .webp or .gif files${others}`,
      );
    }
    for (const name of names) files.push(join(path, name));
  }
  return { files, notices: leftovers.notices };
}

/** Some of the files that could be decoded, as a batch. */
export interface FileBatch {
  readonly files: readonly string[];
  readonly batch: Batch;
  /** One line each for the files that could not. */
  readonly unreadable: readonly string[];
}

/** The files in order, prepared as test images. */
export async function* fileBatches(
  files: readonly string[],
  preprocessing: Preprocessing,
): AsyncGenerator<FileBatch> {
  for (let start = 0; start < files.length; start += BATCH) {
    const some = files.slice(start, start + BATCH);
    const decoded = await decodeAll(some, preprocessing);
    const good = some.flatMap((file, i) => {
      const pixels = decoded[i]!;
      return typeof pixels === "string" ? [] : [{ file, pixels }];
    });
    const imageBytes = preprocessing.size ** 2 * 3;
    const images = new Uint8Array(good.length * imageBytes);
    for (const [i, { pixels }] of good.entries()) images.set(pixels, i * imageBytes);
    yield {
      files: good.map(({ file }) => file),
      batch: { images, labels: new Int32Array(good.length), count: good.length },
      unreadable: decoded.filter((outcome) => typeof outcome === "string"),
    };
  }
}

/** The outcomes in the files' order. */
async function decodeAll(
  files: readonly string[],
  preprocessing: Preprocessing,
): Promise<(Uint8Array | string)[]> {
  const outcomes: (Uint8Array | string)[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let place = next++; place < files.length; place = next++) {
      outcomes[place] = await decode(files[place]!, preprocessing);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return outcomes;
}

/** Pixels, or why there are none. */
async function decode(file: string, preprocessing: Preprocessing): Promise<Uint8Array | string> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(file, LARGEST_IMAGE);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    const { code, message } = error as NodeJS.ErrnoException;
    return `${file}: ${code === "ENOENT" ? `no such file${nameHint(file)}` : message}`;
  }
  try {
    return await sharpTransform({ kind: "encoded", bytes }, preprocessing, null);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `${file}: ${error.message}`;
  }
}
