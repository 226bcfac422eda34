/** @file Reads regular files, up to a bound: a pipe would never end, a device would fill the memory. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { bytes as size } from "../../report/format.ts";
import { InputError } from "../../tensor/errors.ts";

/** Text and settings. */
const LARGEST_TEXT = 2 ** 28;
/** An encoded image: above any photo, so that several fit in memory. */
export const LARGEST_IMAGE = 2 ** 27;
const CHUNK = 2 ** 24;

// Opened so, a pipe without a writer doesn't wait for one. Windows has no such pipes among its files.
const { O_RDONLY, O_NONBLOCK = 0 } = constants as Partial<typeof constants> & { O_RDONLY: number };
const FLAGS = O_RDONLY | O_NONBLOCK;

/** All bytes of a file, of any size but those above `most`. @throws InputError for what is no regular file; the system's error */
export function readWholeSync(file: string, most = Number.POSITIVE_INFINITY): Uint8Array<ArrayBuffer> {
  refuseSpecial(file, statSync(file)); // to open a device may already do something
  const descriptor = openSync(file, FLAGS);
  try {
    const found = fstatSync(descriptor);
    refuseSpecial(file, found);
    const reading = new Growing(file, found.size, most);
    for (let got = 1; got > 0; ) {
      const [into, at, length] = reading.room();
      got = readSync(descriptor, into, at, length, null);
      reading.take(got);
    }
    return reading.bytes();
  } finally {
    closeSync(descriptor);
  }
}

/** The same without blocking. */
export async function readWhole(
  file: string,
  most = Number.POSITIVE_INFINITY,
): Promise<Uint8Array<ArrayBuffer>> {
  refuseSpecial(file, await stat(file));
  const handle = await open(file, FLAGS);
  try {
    const found = await handle.stat();
    refuseSpecial(file, found);
    const reading = new Growing(file, found.size, most);
    for (let got = 1; got > 0; ) {
      const [into, at, length] = reading.room();
      got = (await handle.read(into, at, length, null)).bytesRead;
      reading.take(got);
    }
    return reading.bytes();
  } finally {
    await handle.close();
  }
}

/** @throws InputError for a pipe or a device; the system's error where nothing is */
export async function requireRegular(file: string): Promise<void> {
  refuseSpecial(file, await stat(file));
}

/** The text of a regular file. @throws InputError for anything else, or one that is far too large; the system's error */
export const readTextSync = (file: string, most = LARGEST_TEXT): string =>
  new TextDecoder().decode(readWholeSync(file, most));

/** Bytes as they come: a file may say another size than it has. */
class Growing {
  readonly #file: string;
  readonly #most: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(file: string, expected: number, most: number) {
    this.#file = file;
    this.#most = most;
    this.#check(expected);
    this.#bytes = this.#room(expected + 1); // one more tells the end
  }

  room(): [into: Uint8Array, at: number, length: number] {
    if (this.#length === this.#bytes.length) {
      const larger = this.#room(2 * this.#length + 2 ** 16);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    return [this.#bytes, this.#length, Math.min(CHUNK, this.#bytes.length - this.#length)];
  }

  take(count: number): void {
    this.#length += count;
    this.#check(this.#length);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(length: number): Uint8Array<ArrayBuffer> {
    try {
      return new Uint8Array(length);
    } catch (error) {
      throw new InputError(`${this.#file}: ${size(length)} are more than fit in memory`, { cause: error });
    }
  }

  #check(length: number): void {
    if (length <= this.#most) return;
    throw new InputError(
      `${this.#file}: larger than ${size(this.#most)}; that is not what is expected there`,
    );
  }
}

function refuseSpecial(file: string, found: { isFile(): boolean; isDirectory(): boolean }): void {
  if (found.isFile() || found.isDirectory()) return; // a folder fails to be read in the system's own words
  throw new InputError(`${file}: is a pipe or a device, not a regular file; name a file`);
}
