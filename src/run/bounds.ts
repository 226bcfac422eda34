/** @file How large images and batches are, and may be: what no memory holds is refused before anything is allocated. */
import * as z from "zod";
import type { Backbone } from "../nn/checkpoint.ts";
import { patchCount, tokensBeforePatches } from "../nn/vit.ts";
import { InputError, optionText } from "../tensor/errors.ts";

/** One batch of bytes: typed arrays end at 4 GiB in Node 20, and several batches are held at once. */
const MOST_BATCH_BYTES = 2 ** 30;

/** A number of images that are held together, for the schemas of options. */
export const batchCount = z.number().int().positive().max(65_536);

/** @throws InputError that names the option, if so many images of that side are more than a batch may hold */
export function checkBatch(option: string, count: number, side: number): void {
  const most = Math.floor(MOST_BATCH_BYTES / (3 * side ** 2));
  if (count <= most) return;
  throw new InputError(
    `${optionText(option, count)}: at most ${most} images of ${side} pixels fit in a batch`,
  );
}

/** The power of two that brings a run near 600 tokens: measured best for ViT-Ti, -S and -B on two cores. */
export function defaultMicroBatch({ config }: Backbone): number {
  return 2 ** Math.max(0, Math.round(Math.log2(600 / (tokensBeforePatches(config) + patchCount(config)))));
}

/** Far above any machine's cores, far below what takes all of its memory. */
export const MOST_THREADS = 1024;

/** A number of threads, for the schemas of options. */
export const threadCount = z.number().int().positive().max(MOST_THREADS);
