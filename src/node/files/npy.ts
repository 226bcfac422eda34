/** @file NumPy's .npy files, version 1: one array, written whole or not at all. */
import { sizeOf } from "../../tensor/tensor.ts";
import { WholeFile, writeWhole } from "./write.ts";

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
  readonly #file: WholeFile;
  readonly #width: number;
  readonly #mostRows: number;
  #rows = 0;

  private constructor(file: WholeFile, width: number, mostRows: number) {
    this.#file = file;
    this.#width = width;
    this.#mostRows = mostRows;
  }

  /** @param mostRows rows that may come; fewer may. @throws InputError if the file can't be written there */
  static async open(file: string, width: number, mostRows: number): Promise<NpyWriter> {
    const whole = await WholeFile.open(file);
    try {
      await whole.append(headerOf([mostRows, width]));
    } catch (error) {
      await whole.discard();
      throw error;
    }
    return new NpyWriter(whole, width, mostRows);
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
    await this.#file.append(bytes);
    this.#rows += count;
  }

  /** Gives the file its name. Returns the number of rows. */
  async finish(): Promise<number> {
    // Of the length that the most rows need: fewer take no more digits.
    const most = headerOf([this.#mostRows, this.#width]);
    if (this.#rows !== this.#mostRows) {
      await this.#file.append(headerOf([this.#rows, this.#width], most.length), 0);
    }
    await this.#file.finish();
    return this.#rows;
  }

  /** Leaves nothing behind that is not finished, not even folders that were made for it. */
  discard(): Promise<void> {
    return this.#file.discard();
  }
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
