/** @file Where a run stands, as the bytes of one file: written atomically, so that a kill at any moment loses nothing. */
import { InputError } from "../tensor/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../tensor/safetensors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What is counted along the way and ends in metrics.json. Plain JSON. */
export interface RunRecord {
  /** Correct test images per readout, R's counts: [after task][on task]. */
  readonly correct: Record<string, number[][]>;
  readonly trainableParameters: number[];
  readonly stateBytes: number[];
  readonly ranks: Record<string, number>[];
  readonly taskSeconds: number[];
  /** Images trained on, and the seconds it took. */
  trainedImages: number;
  trainingSeconds: number;
  seconds: number;
}

/** A point a run can continue from. */
export interface Checkpoint {
  /** Task in training, or the next one. */
  readonly task: number;
  /** Epochs of it that are done. */
  readonly epoch: number;
  readonly record: RunRecord;
  /** Events told so far: a resumed run drops later ones from the log. */
  readonly events: number;
  /** The method's state before the task. */
  readonly state: Readonly<Record<string, Tensor>>;
  /** What the task's training needs besides; empty between tasks. */
  readonly training: Readonly<Record<string, Tensor>>;
}

const VERSION = "1";

/** The checkpoint as a safetensors file. */
export function encodeCheckpoint({ state, training, ...position }: Checkpoint): Uint8Array {
  const prefixed = (prefix: string, tensors: Checkpoint["state"]) =>
    Object.entries(tensors).map(([name, tensor]) => [prefix + name, tensor] as const);
  const tensors = Object.fromEntries([...prefixed("state/", state), ...prefixed("training/", training)]);
  return encodeSafetensors(tensors, { version: VERSION, position: JSON.stringify(position) });
}

/** Reads what `encodeCheckpoint` wrote. @throws InputError if the file is damaged or another version's. */
export function decodeCheckpoint(bytes: Uint8Array, file: string): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes, file);
  if (metadata.version !== VERSION) {
    throw new InputError(
      `${file}: checkpoint version ${metadata.version}, this program reads ${VERSION}; run again without --resume`,
    );
  }
  const under = (prefix: string): Record<string, Tensor> =>
    Object.fromEntries(
      Object.entries(tensors)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, tensor]) => [name.slice(prefix.length), tensor]),
    );
  return {
    ...(JSON.parse(metadata.position!) as Omit<Checkpoint, "state" | "training">),
    state: under("state/"),
    training: under("training/"),
  };
}
