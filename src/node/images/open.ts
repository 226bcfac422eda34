/** @file Opens what prepares a run's images: the pool of threads and the cache. */
import type { Dataset } from "../../data/dataset.ts";
import type { RunOptions } from "../../train/run.ts";
import { openImageCache } from "./cache.ts";
import { defaultWorkers, imagePool } from "./pool.ts";

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
