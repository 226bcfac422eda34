/** @file A zip's bytes for yauzl, which asks for every entry's 46 bytes, then for its name: a system call each. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { RandomAccessReader } from "yauzl";

const PIECE = 2 ** 20;

/** A file, opened for each read so that nothing needs closing; reads far ahead until told that the index is done. */
export class ReadAhead extends RandomAccessReader {
  readonly #file: string;
  #ahead = true;
  #piece = new Uint8Array();
  #start = 0;

  constructor(file: string) {
    super();
    this.#file = file;
  }

  /** From here on reads are of single images, anywhere. */
  indexed(): void {
    this.#ahead = false;
    this.#piece = new Uint8Array();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return createReadStream(this.#file, { start, end: end - 1 });
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.#bytes(position, length).then((bytes) => {
      target.set(bytes, offset);
      callback(bytes.length < length ? new Error("the archive ends too early") : null);
    }, callback);
  }

  async #bytes(position: number, length: number): Promise<Uint8Array> {
    if (!this.#ahead) return this.#fetch(position, length);
    const within = position - this.#start;
    if (within < 0 || within + length > this.#piece.length) {
      const piece = await this.#fetch(position, Math.max(length, PIECE));
      this.#piece = piece;
      this.#start = position;
      return piece.subarray(0, length);
    }
    return this.#piece.subarray(within, within + length);
  }

  async #fetch(position: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const handle = await open(this.#file);
    try {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await handle.read(bytes, 0, length, position);
      return bytes.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  }
}
