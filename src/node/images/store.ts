/** @file One file of pixels by key, added to and read by position, with its index beside it. */
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import type { RgbImage } from "../../data/placement.ts";
import { Lock, takeLock } from "../files/lock.ts";
import { readWhole } from "../files/read.ts";
import { putAll } from "../files/write.ts";
import { explainWrites } from "../files/write-errors.ts";

/** First line of an index; another version of the format is made anew. */
const HEADER = '{"fm-lora images":1}';

interface Place {
  readonly start: number;
  readonly width: number;
  readonly height: number;
  readonly checksum: number;
}

/** Where a store lies, and whom it tells what a user should know. */
export interface StoreOptions {
  /** Path without ".images" and ".index". */
  readonly path: string;
  /** Bytes of pixels that it grows to. */
  readonly limit: number;
  readonly notice: (text: string) => void;
}

/**
 * Pixels that were decoded before. One process writes; others that open it meanwhile only read. An image counts once
 * its line in the index is whole, so that a kill leaves nothing wrong behind.
 */
export class ImageStore {
  readonly #options: StoreOptions;
  readonly #places: Map<string, Place>;
  readonly #data: FileHandle;
  readonly #index: FileHandle | null;
  readonly #lock: Lock | null;
  #end: number;
  #writing: Promise<void> = Promise.resolve();
  #full = false;

  private constructor(
    options: StoreOptions,
    opened: { places: Map<string, Place>; data: FileHandle; index: FileHandle | null; end: number },
    lock: Lock | null,
  ) {
    this.#options = options;
    this.#places = opened.places;
    this.#data = opened.data;
    this.#index = opened.index;
    this.#end = opened.end;
    this.#lock = lock;
  }

  /** Opens or starts a store; one that is damaged is started anew, and said so. @throws InputError if it can't be written */
  static async open(options: StoreOptions): Promise<ImageStore> {
    const { path } = options;
    return explained(path, async () => {
      mkdirSync(dirname(path), { recursive: true });
      const taken = await takeLock(`${path}.lock`);
      const lock = taken instanceof Lock ? taken : null; // another process has it
      const opened: FileHandle[] = [];
      try {
        for (const ending of ["images", ...(lock === null ? [] : ["index"])]) {
          refuseStrange(`${path}.${ending}`);
          opened.push(await open(`${path}.${ending}`, lock === null ? "r" : "a+"));
        }
        const [data, index = null] = opened as [FileHandle, FileHandle?];
        const { size } = await data.stat();
        const found = parseIndex(new TextDecoder().decode(await readWhole(`${path}.index`)), size);
        const good = found ?? { places: new Map<string, Place>(), end: 0, length: 0 };
        if (found === null) options.notice(`${path}: the image cache is damaged; it is made anew`);
        // What a kill has left behind the last whole line.
        await data.truncate(good.end).catch(ignoreReadOnly(index));
        await index?.truncate(good.length);
        if (index !== null && good.length === 0) await putText(index, `${HEADER}\n`);
        return new ImageStore(options, { ...good, data, index }, lock);
      } catch (error) {
        for (const handle of opened) await handle.close();
        lock?.release();
        throw error;
      }
    });
  }

  /** Of the image kept under a key; null where there is none. */
  sizeOf(key: string): Pick<RgbImage, "width" | "height"> | null {
    return this.#places.get(shortened(key)) ?? null;
  }

  /** The image kept under a key; null where there is none, or none that is whole. */
  async get(key: string): Promise<RgbImage | null> {
    const place = this.#places.get(shortened(key));
    if (place === undefined) return null;
    const { start, width, height, checksum } = place;
    const data = new Uint8Array(width * height * 3);
    const { bytesRead } = await this.#data.read(data, 0, data.length, start);
    if (bytesRead === data.length && crc32(data) === checksum) return { width, height, data };
    this.#places.delete(shortened(key));
    this.#options.notice(`${this.#options.path}: an image in the cache is damaged; it is decoded again`);
    return null;
  }

  /** Keeps an image, unless the store is full or another process writes it. @throws InputError if the disk is full */
  put(key: string, { width, height, data }: RgbImage): Promise<void> {
    const index = this.#index;
    if (index === null || this.#full) return Promise.resolve();
    const writing = this.#writing.then(async () => {
      const short = shortened(key);
      if (this.#places.has(short) || this.#full) return;
      if (this.#end + data.length > this.#options.limit) {
        this.#full = true;
        const limit = `${Math.floor(this.#options.limit / 2 ** 20)} MiB`;
        this.#options.notice(
          `${this.#options.path}: the image cache has its ${limit}; further images are decoded each time`,
        );
        return;
      }
      const place = { start: this.#end, width, height, checksum: crc32(data) };
      await explained(this.#options.path, async () => {
        await putAll(this.#data, data, null);
        await putText(index, `${JSON.stringify([short, ...Object.values(place)])}\n`);
      });
      this.#end += data.length;
      this.#places.set(short, place);
    });
    this.#writing = writing.catch(() => {
      this.#full = true; // half an image may have been written: nothing may follow it
    });
    return writing;
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#data.close();
    await this.#index?.close();
    this.#lock?.release();
  }
}

const putText = (file: FileHandle, text: string): Promise<void> =>
  putAll(file, new TextEncoder().encode(text), null);

/** @throws an error of the system's kind for a link, which may lead anywhere, and for what is no regular file */
function refuseStrange(file: string): void {
  const found = lstatSync(file, { throwIfNoEntry: false });
  if (found === undefined || found.isFile()) return;
  const code = found.isSymbolicLink() ? "ELOOP" : "ENXIO";
  throw Object.assign(new Error(`${file} is no regular file`), { code });
}

/** What an index says, up to its last whole line; null if it says anything impossible. */
function parseIndex(
  text: string,
  bytes: number,
): { places: Map<string, Place>; end: number; length: number } | null {
  const length = text.lastIndexOf("\n") + 1;
  const places = new Map<string, Place>();
  if (length === 0) return { places, end: 0, length };
  const [header, ...lines] = text.slice(0, length - 1).split("\n");
  if (header !== HEADER) return null;
  let end = 0;
  for (const line of lines) {
    let entry: unknown;
    try {
      entry = JSON.parse(line);
    } catch {
      return null;
    }
    const [key, start, width, height, checksum] = Array.isArray(entry) ? entry : [];
    const whole = [width, height].every((side) => Number.isSafeInteger(side) && side > 0);
    if (typeof key !== "string" || start !== end || !whole || !Number.isInteger(checksum)) return null;
    end += width * height * 3;
    if (end > bytes) return null;
    places.set(key, { start, width, height, checksum });
  }
  return { places, end, length };
}

/** Keys are long and there may be half a million of them. */
const shortened = (key: string): string => createHash("sha256").update(key).digest("base64url").slice(0, 22);

/** A reader must leave the writer's files as they are. */
const ignoreReadOnly =
  (index: FileHandle | null) =>
  (error: unknown): void => {
    if (index !== null) throw error;
  };

const explained = <T>(path: string, action: () => Promise<T>): Promise<T> =>
  explainWrites(path, action, {
    what: "the image cache",
    advice: () => ", choose another --cache, or --cache off",
  });
