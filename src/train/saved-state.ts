/** @file Tensors and a position as one safetensors file with a checksum: what every kind of checkpoint is made of. */
import { InputError, optionText } from "../tensor/errors.ts";
import { fnv1a } from "../tensor/hash.ts";
import { decodeSafetensors, encodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The file's bytes. `position` is plain JSON; `version` is of what is saved. */
export function encodeSaved(
  position: object,
  tensors: Readonly<Record<string, Tensor>>,
  version: string,
): Uint8Array {
  const text = JSON.stringify(position);
  return encodeSafetensors(tensors, { version, position: text, checksum: checksum(text, tensors) });
}

/** Reads what `encodeSaved` wrote. @throws InputError if the file is damaged or another version's. */
export function decodeSaved(
  bytes: Uint8Array,
  file: string,
  expected: string,
): { readonly position: object; readonly tensors: Record<string, Tensor> } {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const { version, position } = metadata;
  if (version !== expected) {
    throw new InputError(
      `${file}: checkpoint version ${version}, this program reads ${expected}; start the run again in another ${optionText("out")}`,
    );
  }
  // A disk that loses power may keep a file's length and lose its content: without this, training would go on from it.
  if (position === undefined || metadata.checksum !== checksum(position, tensors)) {
    throw new InputError(
      `${file}: damaged, its checksum is wrong; start the run again in another ${optionText("out")}`,
    );
  }
  return { position: JSON.parse(position) as object, tensors };
}

/** FNV-1a, 32 bits, over the position's text and every tensor's name, type, shape and bytes. */
function checksum(position: string, tensors: Readonly<Record<string, Tensor>>): string {
  const text = new TextEncoder();
  let hash = fnv1a(text.encode(position));
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, dims, data } = tensors[name]!;
    hash = fnv1a(text.encode(`${name} ${dtype} ${dims}`), hash);
    hash = fnv1a(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), hash);
  }
  return (hash >>> 0).toString(16);
}
