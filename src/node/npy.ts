/** @file NumPy's .npy files, version 1: one array, written whole or not at all. */
import { sizeOf } from "../tensor/tensor.ts";
import { writeWhole } from "./files.ts";

const MAGIC = "\x93NUMPY\x01\x00";
/** The data starts at a multiple of this. */
const ALIGNMENT = 64;

/** The bytes of an array, row-major little-endian float32. */
export function encodeNpy({ dims, data }: { readonly dims: readonly number[]; readonly data: Float32Array }) {
  if (sizeOf(dims) !== data.length) throw new Error(`npy: [${dims}] does not hold ${data.length} numbers`);
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${shape}, }`;
  const start = Math.ceil((MAGIC.length + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${text.padEnd(start - MAGIC.length - 3)}\n`;
  const bytes = new Uint8Array(start + 4 * data.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint16(MAGIC.length, header.length, true);
  bytes.set(new TextEncoder().encode(header), MAGIC.length + 2);
  for (const [i, value] of data.entries()) view.setFloat32(start + 4 * i, value, true);
  return bytes;
}

/** Writes an array to a file. @throws InputError for a full disk or no permission */
export function writeNpy(
  file: string,
  array: { readonly dims: readonly number[]; readonly data: Float32Array },
): Promise<void> {
  return writeWhole(file, encodeNpy(array));
}
