/** @file What a learner remembers beside its model: names of classes, its record, and digests of images. */
import type { Tensors } from "../runtime/runtime.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { DIGEST_BYTES } from "./images.ts";
import type { ModelDescription } from "./model-file.ts";
import { freshRecord, type LearnerRecord } from "./record.ts";

/** Names of the tensors that hold digests, and the positions of their images' classes. */
const DIGESTS = "learnt.digests";
const PLACES = "learnt.places";

/** Digests of the images learned, by class: hashes alone, and only to tell an image that comes again. */
export class Digests {
  /** "<position> <digest in hexadecimal>" */
  readonly #known: ReadonlySet<string>;

  constructor(known: Iterable<string> = []) {
    this.#known = new Set(known);
  }

  /** How an image of a class is known. */
  static key(position: number, digest: Uint8Array): string {
    return `${position} ${Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  with(keys: Iterable<string>): Digests {
    return new Digests([...this.#known, ...keys]);
  }

  without(position: number): Digests {
    return new Digests([...this.#known].filter((key) => !key.startsWith(`${position} `)));
  }

  tensors(): Record<string, Tensor> {
    const keys = [...this.#known].map((key) => key.split(" ") as [string, string]);
    const bytes = keys.flatMap(([, hex]) => hex.match(/../g)!.map((byte) => Number.parseInt(byte, 16)));
    return {
      [DIGESTS]: tensor("uint8", [keys.length, DIGEST_BYTES], Uint8Array.from(bytes)),
      [PLACES]: tensor(
        "int32",
        [keys.length],
        Int32Array.from(keys, ([position]) => Number(position)),
      ),
    };
  }

  /** Reads back what `tensors` gave; none where there is none. */
  static from(tensors: Tensors): Digests {
    const digests = tensors[DIGESTS]?.data as Uint8Array | undefined;
    const places = tensors[PLACES]?.data as Int32Array | undefined;
    if (digests === undefined || places === undefined) return new Digests();
    const bytes = (row: number): Uint8Array => digests.subarray(row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES);
    return new Digests(Array.from(places, (place, row) => Digests.key(place, bytes(row))));
  }
}

/** All of it. Replaced as a whole: what failed halfway leaves the old one. */
export interface Memory {
  /** By position; "" for a class that was removed. */
  readonly classNames: readonly string[];
  readonly record: LearnerRecord;
  readonly digests: Digests;
}

/** Positions of classes that can be an answer. */
export const livePositions = ({ classNames, record }: Pick<Memory, "classNames" | "record">): number[] =>
  [...classNames.keys()].filter((position) => !record.removed.includes(position));

/** Position of a class; undefined if there is none of that name. */
export const positionOf = (memory: Pick<Memory, "classNames" | "record">, name: string): number | undefined =>
  livePositions(memory).find((position) => memory.classNames[position] === name);

/** What a model's file remembers; a run's has classes, and nobody counted their images. */
export function memoryOf(
  { classNames, learner }: Pick<ModelDescription, "classNames" | "learner">,
  tensors: Tensors,
): Memory {
  const record = learner ?? {
    ...freshRecord(classNames.length),
    removed: unseen(classNames.length, tensors),
  };
  return { classNames, record, digests: Digests.from(tensors) };
}

/** Classes of a stream that a run has not come to: they have names, and no mean and no row. */
function unseen(classes: number, tensors: Tensors): number[] {
  const lists = Object.entries(tensors).filter(
    ([name, { dtype }]) => /(^|\.)classes$/.test(name) && dtype === "int32",
  );
  const seen = new Set(lists.flatMap(([, { data }]) => [...(data as Int32Array)]));
  if (lists.length === 0) return [];
  return Array.from({ length: classes }, (_, position) => position).filter((position) => !seen.has(position));
}
