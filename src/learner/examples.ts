/** @file The images of a request: which are new, and which of them are held out. */
import type { Sample } from "../data/dataset.ts";
import { InputError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import { digestOf, type ImageSet, imageSet, type LearnerImage, type ReadPath } from "./images.ts";
import { Digests, type Memory, positionOf } from "./memory.ts";
import type { Listening } from "./session.ts";

/** Images by the name of their class. */
export type LabeledImages = Readonly<Record<string, Iterable<LearnerImage>>>;

/** Images that a learner has not seen. */
export interface Examples {
  readonly images: ImageSet;
  /** New ones only. */
  readonly samples: readonly Sample[];
  /** Their digests' keys. */
  readonly keys: readonly string[];
  /** By position: known names and new ones. */
  readonly classNames: readonly string[];
  /** Positions of classes with new images, ascending. */
  readonly positions: readonly number[];
  /** Images that were learned before, or came twice. */
  readonly repeated: number;
}

/** Fewer images of a class are all learned. */
const LEAST_TO_SPLIT = 4;

/** Reads every image once. @throws InputError for no class, a class without images, or an image that can't be read */
export async function newExamples(
  classes: LabeledImages,
  memory: Memory,
  readPath: ReadPath | undefined,
  { onProgress, signal }: Listening,
): Promise<Examples> {
  const classNames = [...memory.classNames];
  const placed = Object.entries(classes).flatMap(([of, given]) => {
    const images = [...given];
    if (of.trim() === "") throw new InputError("a class has an empty name; give it one");
    if (images.length === 0) throw new InputError(`class "${of}": has no images; add some or leave it out`);
    const label = positionOf(memory, of) ?? classNames.push(of) - 1;
    return images.map((image) => ({ image, of, label }));
  });
  if (placed.length === 0)
    throw new InputError("there is no class to learn; expected one or more, with images");
  const images = imageSet(placed, readPath);
  const fresh = new Map<string, Sample>();
  let done = 0;
  for (const sample of images.samples) {
    signal?.throwIfAborted();
    const key = Digests.key(sample.label, await digestOf(await images.read(sample)));
    if (!memory.digests.has(key) && !fresh.has(key)) fresh.set(key, sample);
    done++;
    onProgress?.({ phase: "reading", done, total: placed.length });
  }
  const samples = [...fresh.values()];
  return {
    images,
    samples,
    keys: [...fresh.keys()],
    classNames,
    positions: [...new Set(samples.map(({ label }) => label))].sort((a, b) => a - b),
    repeated: placed.length - samples.length,
  };
}

/** A share of each class's images for checking, one at least where there are four. */
export function heldOut(
  { samples, positions }: Pick<Examples, "samples" | "positions">,
  share: number,
  rng: Rng,
): { readonly learned: readonly Sample[]; readonly held: readonly Sample[] } {
  if (share === 0) return { learned: samples, held: [] };
  const held = new Set<Sample>();
  for (const position of positions) {
    const own = rng.shuffled(samples.filter(({ label }) => label === position));
    const count = own.length < LEAST_TO_SPLIT ? 0 : Math.max(1, Math.round(own.length * share));
    for (const sample of own.slice(0, count)) held.add(sample);
  }
  return {
    learned: samples.filter((sample) => !held.has(sample)),
    held: samples.filter((sample) => held.has(sample)),
  };
}
