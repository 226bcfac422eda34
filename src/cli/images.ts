/** @file Image files named on the command line, as batches. */
import { readFile } from "node:fs/promises";
import type { Batch, Preprocessing } from "../data/dataset.ts";
import { sharpTransform } from "../node/image.ts";
import { InputError } from "../tensor/errors.ts";

/** Images decoded together. */
const BATCH = 64;

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
    const decoded = await Promise.all(some.map((file) => decode(file, preprocessing)));
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

/** Pixels, or why there are none. */
async function decode(file: string, preprocessing: Preprocessing): Promise<Uint8Array | string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${file}: ${code === "ENOENT" ? "no such file" : message}`;
  }
  try {
    return await sharpTransform({ kind: "encoded", bytes }, preprocessing, null);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `${file}: ${error.message}`;
  }
}
