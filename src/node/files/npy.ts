/** @file NumPy's .npy files, version 1: one array, written whole or not at all. */
import { rmSync } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { sizeOf } from "../../tensor/tensor.ts";
import { explainWrites, temporaryName, writeWhole } from "./write.ts";

const MAGIC = "\x93NUMPY\x01\x00";
/** The data starts at a multiple of this. */
const ALIGNMENT = 64;
type Dims = readonly number[];

/** The bytes of an array, row-major little-endian float32. */
export function encodeNpy({ dims, data }: { readonly dims: Dims; readonly data: Float32Array }): Uint8Array {
  if (sizeOf(dims) !== data.length) throw new Error(`npy: [${dims}] does not hold ${data.length} numbers`);
  const header = headerOf(dims);
  const bytes = new Uint8Array(header.length + 4 * data.length);
  bytes.set(header);
  const view = new DataView(bytes.buffer, header.length);
  for (const [i, value] of data.entries()) view.setFloat32(4 * i, value, true);
  return bytes;
}

/** Writes an array to a file. @throws InputError for a full disk or no permission */
export function writeNpy(
  file: string,
  array: { readonly dims: Dims; readonly data: Float32Array },
): Promise<void> {
  return writeWhole(file, encodeNpy(array));
}

/** A matrix of float32 whose rows come one block after the other; the file appears when all are there. */
export class NpyWriter {
  readonly #file: string;
  readonly #width: number;
  readonly #mostRows: number;
  readonly #handle: FileHandle;
  readonly #headerBytes: number;
  readonly #made: readonly string[];
  /** For a process that ends at once, as at a second Ctrl-C. */
  readonly #atExit = (): void => rmSync(temporaryName(this.#file), { force: true });
  #rows = 0;
  #finished = false;

  private constructor(
    file: string,
    width: number,
    mostRows: number,
    handle: FileHandle,
    made: readonly string[],
  ) {
    this.#file = file;
    this.#made = made;
    this.#width = width;
    this.#mostRows = mostRows;
    this.#handle = handle;
    this.#headerBytes = headerOf([mostRows, width]).length;
    process.once("exit", this.#atExit);
  }

  /** @param mostRows rows that may come; fewer may. @throws InputError if the file can't be written there */
  static open(file: string, width: number, mostRows: number): Promise<NpyWriter> {
    return explainWrites(file, async () => {
      const first = await mkdir(dirname(file), { recursive: true });
      const made = first === undefined ? [] : foldersUpTo(first, dirname(file));
      const handle = await open(temporaryName(file), "w").catch(async (error) => {
        await removeEmpty(made);
        throw error;
      });
      const writer = new NpyWriter(file, width, mostRows, handle, made);
      try {
        await writer.#put(writer.#header(mostRows), 0);
      } catch (error) {
        await writer.discard();
        throw error;
      }
      return writer;
    });
  }

  /** Appends whole rows. @throws InputError for a full disk */
  async append(rows: Float32Array): Promise<void> {
    const count = rows.length / this.#width;
    if (!Number.isInteger(count) || this.#rows + count > this.#mostRows) {
      throw new Error(`npy: ${rows.length} numbers after ${this.#rows} of ${this.#mostRows} rows`);
    }
    const bytes = new Uint8Array(4 * rows.length);
    const view = new DataView(bytes.buffer);
    for (const [i, value] of rows.entries()) view.setFloat32(4 * i, value, true);
    const at = this.#headerBytes + 4 * this.#width * this.#rows;
    await explainWrites(this.#file, () => this.#put(bytes, at));
    this.#rows += count;
  }

  /** Gives the file its name. Returns the number of rows. */
  async finish(): Promise<number> {
    await explainWrites(this.#file, async () => {
      if (this.#rows !== this.#mostRows) await this.#put(this.#header(this.#rows), 0);
      await this.#handle.sync();
      await this.#handle.close();
      await rename(temporaryName(this.#file), this.#file);
    });
    this.#finished = true;
    process.off("exit", this.#atExit);
    return this.#rows;
  }

  /** Leaves nothing behind that is not finished, not even folders that were made for it. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {}); // it may be closed already
    await rm(temporaryName(this.#file), { force: true });
    process.off("exit", this.#atExit);
    if (!this.#finished) await removeEmpty(this.#made);
  }

  /** On a full disk a write may take fewer bytes than it was given: it is the next one that fails. */
  async #put(bytes: Uint8Array, position: number): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, position + at);
      if (bytesWritten === 0) throw Object.assign(new Error("npy: nothing was written"), { code: "ENOSPC" });
      at += bytesWritten;
    }
  }

  /** Of the length that the most rows need: fewer take no more digits. */
  #header(rows: number): Uint8Array {
    return headerOf([rows, this.#width], this.#headerBytes);
  }
}

/** The folders from `first`, which was made, down to the last: the deepest first. */
function foldersUpTo(first: string, last: string): string[] {
  const folders: string[] = [];
  for (let folder = resolve(last); folder.length >= resolve(first).length; folder = dirname(folder)) {
    folders.push(folder);
  }
  return folders;
}

/** Folders that got other content in the meantime stay. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => {});
}

function headerOf(dims: Dims, bytes?: number): Uint8Array {
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const length = bytes ?? Math.ceil((MAGIC.length + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = new Uint8Array(length);
  for (let i = 0; i < MAGIC.length; i++) header[i] = MAGIC.charCodeAt(i);
  const rest = `${text.padEnd(length - MAGIC.length - 3)}\n`;
  new DataView(header.buffer).setUint16(MAGIC.length, rest.length, true);
  header.set(new TextEncoder().encode(rest), MAGIC.length + 2);
  return header;
}
