/** @file One pass over JPEG files through our input pipeline: what two benchmarks measure. */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { AUGMENTATIONS, drawPass } from "../src/data/augmentation.ts";
import type { Batch, Preprocessing } from "../src/data/dataset.ts";
import { batches } from "../src/data/loader.ts";
import type { ImagePool } from "../src/node/images/pool.ts";
import { Rng } from "../src/tensor/rng.ts";

/** Side of what comes out, in pixels, and images in a batch. */
export const SIZE = 224;
export const BATCH = 32;
/** Photos on disk; a pass over more repeats them. */
export const FILES = 256;
const PREFETCH = 128; // as in src/train/run.ts

/** The files of a folder, in the order of their names. */
export const photosIn = (folder: string): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

/** Batches of random crops of `count` images, each file read anew. */
export function photoBatches(
  pool: ImagePool,
  {
    files,
    count,
    epoch,
    interpolation,
  }: {
    readonly files: readonly string[];
    readonly count: number;
    readonly epoch: number;
    readonly interpolation: Preprocessing["interpolation"];
  },
): AsyncIterable<Batch> {
  return batches({
    dataset: { read: async ({ id }) => ({ kind: "encoded", bytes: await readFile(id) }) },
    samples: Array.from({ length: count }, (_, i) => ({ id: files[i % files.length]!, label: 0, domain: 0 })),
    position: [0],
    transform: pool.transform,
    preprocessing: { size: SIZE, mean: [0, 0, 0], std: [1, 1, 1], interpolation, cropFraction: null },
    batchSize: BATCH,
    ...drawPass(Rng.at("epoch", epoch), count, AUGMENTATIONS["random-resized-crop"]),
    prefetch: PREFETCH,
    onUnreadable: "fail",
  });
}

/** Versions of what decodes on our side. */
export function imageVersions(): Record<string, string> {
  const manifest = createRequire(import.meta.url).resolve("../package.json");
  const { dependencies } = JSON.parse(readFileSync(manifest, "utf8")) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return Object.fromEntries(["@napi-rs/image", "sharp"].map((name) => [name, dependencies[name] ?? "none"]));
}
