/** @file Cuts batches into runs of one fixed size: static shapes let the runtime plan its memory once. */
import type { Batch } from "../../data/dataset.ts";
import { type Tensor, tensor } from "../../tensor/tensor.ts";

/** One run's worth of a batch. */
export interface MicroBatch {
  readonly images: Tensor<"uint8">; // [size, side, side, 3], zeros after `count`
  readonly start: number;
  readonly count: number;
}

/** The batch in runs of `size` images; the last is filled up with black ones. */
export function* microBatches(
  batch: Pick<Batch, "images" | "count">,
  size: number,
  side: number,
): Generator<MicroBatch> {
  const bytes = side * side * 3;
  for (let start = 0; start < batch.count; start += size) {
    const count = Math.min(size, batch.count - start);
    let images = batch.images.subarray(start * bytes, (start + count) * bytes);
    if (count < size) {
      const padded = new Uint8Array(size * bytes);
      padded.set(images);
      images = padded;
    }
    yield { images: tensor("uint8", [size, side, side, 3], images), start, count };
  }
}
