/** @file Where a run stands, as the bytes of one file: written atomically, so that a kill at any moment loses nothing. */
import { InputError } from "../tensor/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { RunRecord } from "./record.ts";

/** A point a run can continue from. */
export interface Checkpoint {
  /** Task in training, or the next one. */
  readonly task: number;
  /** Epochs of it that are done. */
  readonly epoch: number;
  readonly record: RunRecord;
  /** Events told so far, the caller's `run-start` included: a resumed run drops later ones from the log. */
  readonly events: number;
  /** The method's state before the task. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** What the task's training needs besides; empty between tasks. */
  readonly training: Readonly<Record<string, Tensor>>;
}

const VERSION = "2";

/** The checkpoint as a safetensors file. */
export function encodeCheckpoint({ state, training, ...position }: Checkpoint): Uint8Array {
  const prefixed = (prefix: string, tensors: Checkpoint["state"]) =>
    Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor] as const);
  const tensors = Object.fromEntries([...prefixed("state/", state), ...prefixed("training/", training)]);
  const text = JSON.stringify(position);
  return encodeSafetensors(tensors, { version: VERSION, position: text, checksum: checksum(text, tensors) });
}

/** Reads what `encodeCheckpoint` wrote. @throws InputError if the file is damaged or another version's. */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  const { version, position } = metadata;
  if (version !== VERSION) {
    throw new InputError(
      `${file}: checkpoint version ${version}, this program reads ${VERSION}; start the run again in another --out`,
    );
  }
  // A disk that loses power may keep a file's length and lose its content: without this, training would go on from it.
  if (position === undefined || metadata.checksum !== checksum(position, tensors)) {
    throw new InputError(`${file}: damaged, its checksum is wrong; start the run again in another --out`);
  }
  const under = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  return {
    ...(JSON.parse(position) as Omit<Checkpoint, "state" | "training">),
    state: under("state/"),
    training: under("training/"),
  };
}

/** FNV-1a, 32 bits, over the position's text and every tensor's name, type, shape and bytes. */
function checksum(position: string, tensors: Readonly<Record<string, Tensor>>): string {
  let hash = 0x811c9dc5;
  const take = (bytes: Uint8Array): void => {
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  };
  const text = new TextEncoder();
  take(text.encode(position));
  for (const name of Object.keys(tensors).sort()) {
    const { dtype, dims, data } = tensors[name]!;
    take(text.encode(`${name} ${dtype} ${dims}`));
    take(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return (hash >>> 0).toString(16);
}
