/** @file Where a run stands, as the bytes of one file: written atomically, so that a kill at any moment loses nothing. */
import { prefixed, withPrefix } from "../tensor/prefix.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { RunRecord } from "./record.ts";
import { decodeSaved, encodeSaved } from "./saved-state.ts";

/** A point a run can continue from. */
export interface Checkpoint {
  /** Task in training, or the next one. */
  readonly task: number;
  /** Epochs of it that are done. */
  readonly epoch: number;
  readonly record: RunRecord;
  /** Events told so far, the caller's `run-start` included: a resumed run drops later ones from the log. */
  readonly events: number;
  /** Checksums of the logs beside it, where whoever keeps them wants them back. */
  readonly logs?: Readonly<Record<string, string>> | undefined;
  /** The method's state before the task. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** What the task's training needs besides; empty between tasks. */
  readonly training: Readonly<Record<string, Tensor>>;
}

const VERSION = "4";

/** The checkpoint as a safetensors file. */
export function encodeCheckpoint({ state, training, ...position }: Checkpoint): Uint8Array {
  const tensors = { ...prefixed("state/", state), ...prefixed("training/", training) };
  return encodeSaved(position, tensors, VERSION);
}

/** Reads what `encodeCheckpoint` wrote. @throws InputError if the file is damaged or another version's. */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { position, tensors } = decodeSaved(bytes, file, VERSION);
  return {
    ...(position as Omit<Checkpoint, "state" | "training">),
    state: withPrefix("state/", tensors),
    training: withPrefix("training/", tensors),
  };
}
