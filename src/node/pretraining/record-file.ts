/** @file A file of equal records, one an image: filled batch by batch, continued where a stop left it. */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
} from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { InputError } from "../../tensor/errors.ts";
import { readTextSync } from "../files/read.ts";
import { openToAppend, putAllSync, writeWhole } from "../files/write.ts";
import { explainWrites, type Written } from "../files/write-errors.ts";

const CACHE: Written = {
  advice: (full) => (full ? " and continue with --resume" : "; choose another --cache"),
};

/** What is in a file. */
export interface RecordFileOptions {
  readonly file: string;
  /** Says what the records are made from; kept beside the file, and another one is refused. Plain JSON. */
  readonly origin: Readonly<Record<string, unknown>>;
  readonly count: number;
  readonly recordBytes: number;
}

/**
 * Makes the records that are not there yet.
 * @param make the records from `done` to the end, in order and in batches
 * @throws InputError if the file has records of something else, or can't be written; whatever `make` throws
 */
export async function fillRecords(
  { file, origin, count, recordBytes }: RecordFileOptions,
  make: (done: number) => AsyncIterable<Uint8Array>,
  onProgress: (done: number) => void,
): Promise<void> {
  await checkOrigin(file, { ...origin, count, recordBytes });
  const descriptor = await explainWrites(file, () => openToAppend(file, { read: true }), CACHE);
  try {
    let done = Math.min(count, Math.floor(fstatSync(descriptor).size / recordBytes));
    ftruncateSync(descriptor, done * recordBytes); // a kill or a full disk may have cut a record in two
    if (done === count) return;
    for await (const records of make(done)) {
      await explainWrites(file, () => putAllSync(descriptor, records), CACHE);
      done += records.length / recordBytes;
      onProgress(done);
    }
    await explainWrites(file, () => fsyncSync(descriptor), CACHE);
  } finally {
    closeSync(descriptor);
  }
}

async function checkOrigin(file: string, origin: Readonly<Record<string, unknown>>): Promise<void> {
  const description = `${file}.json`;
  if (!existsSync(description) || !existsSync(file)) {
    await explainWrites(file, () => mkdirSync(dirname(file), { recursive: true }), CACHE);
    await writeWhole(description, `${JSON.stringify(origin, null, 2)}\n`, CACHE);
    return;
  }
  let known: Record<string, unknown> = {};
  try {
    known = z.record(z.string(), z.unknown()).parse(JSON.parse(readTextSync(description)));
  } catch {
    throw new InputError(`${description}: is damaged; remove ${file} and it`);
  }
  const now = JSON.parse(JSON.stringify(origin)) as Record<string, unknown>;
  const key = Object.keys({ ...known, ...now }).find((each) => !isDeepStrictEqual(known[each], now[each]));
  if (key === undefined) return;
  throw new InputError(
    `${file}: was made for ${key} ${JSON.stringify(known[key])}, now it is ${JSON.stringify(now[key])}; ` +
      "choose another --cache, or remove the file",
  );
}

/** Reads single records; the operating system keeps what is read often in memory. */
export class RecordReader {
  readonly #descriptor: number;
  readonly #bytes: number;

  constructor({ file, recordBytes }: Pick<RecordFileOptions, "file" | "recordBytes">) {
    this.#descriptor = openSync(file, "r");
    this.#bytes = recordBytes;
  }

  read(index: number): Uint8Array {
    const record = new Uint8Array(this.#bytes);
    for (let at = 0; at < record.length; ) {
      const read = readSync(this.#descriptor, record, at, record.length - at, index * this.#bytes + at);
      if (read === 0) throw new Error(`record ${index} is missing`);
      at += read;
    }
    return record;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
