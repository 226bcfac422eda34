/** @file How a run's images are prepared: options that change no result, so that a resumed run may have others. */
import { z } from "zod";
import type { Dataset } from "../data/dataset.ts";
import type { RunOptions } from "../train/run.ts";
import { openImageCache } from "./image-cache.ts";
import { defaultWorkers, imagePool } from "./image-pool.ts";
import { MOST_THREADS } from "./threads.ts";

/** The options, for the schema of a run. */
export const imageOptions = {
  workers: z
    .number()
    .int()
    .nonnegative()
    .max(MOST_THREADS)
    .optional()
    .describe("threads that prepare images (default: one for every 4 cores, 1 to 4); changes no result"),
  cache: z
    .string()
    .default("off")
    .describe("folder that keeps decoded images for further passes and runs, or off; changes no result"),
};

/** What the task loop needs to prepare images, and how to end it. */
export function openImages(
  { workers = defaultWorkers(), cache }: { readonly workers?: number | undefined; readonly cache: string },
  dataset: Dataset,
  notice: (text: string) => void,
): Pick<RunOptions, "transform" | "cache"> & { close(): Promise<void> } {
  const pool = imagePool(workers);
  const kept = cache === "off" ? undefined : openImageCache(cache, dataset, notice);
  return {
    transform: pool.transform,
    cache: kept,
    async close() {
      await pool.close();
      await kept?.close();
    },
  };
}
