/** @file How many pixels are decoded at the same time in all threads together: a bound of the memory that takes. */
import { isMainThread, workerData } from "node:worker_threads";
import { LARGEST_PIXELS } from "../../data/image-format.ts";

/** Pixels in work, one number for all threads; the pool hands it to its workers. */
export const pixelsInWork: Int32Array<SharedArrayBuffer> = sharedCount();

function sharedCount(): Int32Array<SharedArrayBuffer> {
  const given = isMainThread ? undefined : (workerData as { pixels?: SharedArrayBuffer } | null)?.pixels;
  return new Int32Array(given ?? new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
}

/** Does some work on an image once all others in work leave room for its pixels: one of any allowed size always has its turn. */
export async function withPixels<T>(
  { width, height }: { readonly width: number; readonly height: number },
  work: () => T | Promise<T>,
): Promise<T> {
  const pixels = Math.min(width * height, LARGEST_PIXELS);
  for (;;) {
    const before = Atomics.load(pixelsInWork, 0);
    if (before + pixels > LARGEST_PIXELS) await Atomics.waitAsync(pixelsInWork, 0, before).value;
    else if (Atomics.compareExchange(pixelsInWork, 0, before, before + pixels) === before) break;
  }
  try {
    return await work();
  } finally {
    Atomics.sub(pixelsInWork, 0, pixels);
    Atomics.notify(pixelsInWork, 0);
  }
}
