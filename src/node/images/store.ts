/** @file One file of pixels by key, added to and read by position, with its index beside it. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import lockfile from "proper-lockfile";
import type { RgbImage } from "../../data/placement.ts";
import { explainWrites } from "../files/write.ts";

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
  readonly #release: () => Promise<void>;
  #end: number;
  #writing: Promise<void> = Promise.resolve();
  #full = false;

  private constructor(
    options: StoreOptions,
    opened: { places: Map<string, Place>; data: FileHandle; index: FileHandle | null; end: number },
    release: () => Promise<void>,
  ) {
    this.#options = options;
    this.#places = opened.places;
    this.#data = opened.data;
    this.#index = opened.index;
    this.#end = opened.end;
    this.#release = release;
  }

  /** Opens or starts a store; one that is damaged is started anew, and said so. @throws InputError if it can't be written */
  static async open(options: StoreOptions): Promise<ImageStore> {
    const { path } = options;
    return explained(path, async () => {
      mkdirSync(dirname(path), { recursive: true });
      const release = await lockOrNull(path);
      const data = await open(`${path}.images`, release === null ? "r" : "a+");
      const index = release === null ? null : await open(`${path}.index`, "a+");
      const { size } = await data.stat();
      const found = parseIndex(await readFile(`${path}.index`, "utf8"), size);
      const good = found ?? { places: new Map<string, Place>(), end: 0, length: 0 };
      if (found === null) options.notice(`${path}: the image cache is damaged; it is made anew`);
      // What a kill has left behind the last whole line.
      await data.truncate(good.end).catch(ignoreReadOnly(index));
      await index?.truncate(good.length);
      if (index !== null && good.length === 0) await index.appendFile(`${HEADER}\n`);
      return new ImageStore(options, { ...good, data, index }, release ?? (async () => {}));
    });
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
        await this.#data.appendFile(data);
        await index.appendFile(`${JSON.stringify([short, ...Object.values(place)])}\n`);
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
    await this.#release();
  }
}

/** null: another process has it. A lock goes stale soon after its process has died. */
async function lockOrNull(path: string): Promise<(() => Promise<void>) | null> {
  try {
    return await lockfile.lock(path, { realpath: false, onCompromised: () => {} });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ELOCKED") throw error;
    return null;
  }
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
