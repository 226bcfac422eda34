/** @file Cuts batches into runs of one fixed size: static shapes let the runtime plan its memory once. */
import type { Batch } from "../data/dataset.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** One run's worth of a batch. */
export interface MicroBatch {
  readonly images: Tensor<"uint8">; // [size, side, side, 3], copies after `count`
  readonly start: number;
  readonly count: number;
}

/**
 * The batch in runs of `most` images; the last is filled up with its own (a scale of 8 bits sees no others), or the rest
 * goes one by one.
 */
export function* microBatches(
  batch: Pick<Batch, "images" | "count">,
  most: number,
  side: number,
  { oneByOne = false }: { readonly oneByOne?: boolean } = {},
): Generator<MicroBatch> {
  const bytes = side * side * 3;
  for (let start = 0, count = 0; start < batch.count; start += count) {
    const left = batch.count - start;
    const size = oneByOne && left < most ? 1 : most;
    count = Math.min(size, left);
    const own = batch.images.subarray(start * bytes, (start + count) * bytes);
    const images = count === size ? own : repeated(own, size * bytes);
    yield { images: tensor("uint8", [size, side, side, 3], images), start, count };
  }
}

/** What each image of a run counts: `share`, or nothing if it only fills it up. [size] */
export function imageShare({ count, images }: MicroBatch, share: number): Tensor<"float32"> {
  const size = images.dims[0]!;
  const shares = Float32Array.from({ length: size }, (_, i) => (i < count ? share : 0));
  return tensor("float32", [size], shares);
}

function repeated(values: Uint8Array, length: number): Uint8Array {
  const filled = new Uint8Array(length);
  for (let at = 0; at < length; at += values.length) filled.set(values.subarray(0, length - at), at);
  return filled;
}
