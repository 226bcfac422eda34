/** @file Samples in, batches of pixels out, decoding ahead of the consumer. */
import { InputError } from "../tensor/errors.ts";
import type { Batch, Dataset, ImageTransform, Preprocessing, Sample, StoredImage, View } from "./dataset.ts";

/** What to do with an image that can't be read or decoded: stop, or leave it out and say so. */
export type UnreadablePolicy =
  | { readonly onUnreadable: "fail" }
  | {
      readonly onUnreadable: "skip";
      /** Called once for each image left out, in the order of the pass. */
      readonly onSkip: (id: string, reason: string) => void;
    };

/** Pixels that were prepared before. */
export interface ImageCache {
  /** What `transform` makes of what `read` gives, or the same from an earlier time. */
  pixels(wanted: {
    readonly sample: Sample;
    readonly preprocessing: Preprocessing;
    readonly view: View | null;
    readonly read: () => Promise<StoredImage>;
    readonly transform: ImageTransform;
  }): Promise<Uint8Array>;
}

/** One pass over some samples. */
export type BatchesOptions = UnreadablePolicy & {
  readonly dataset: Pick<Dataset, "read">;
  readonly samples: readonly Sample[];
  /** Data-set label -> stream position. */
  readonly position: readonly number[];
  readonly transform: ImageTransform;
  /** Left out: every image is read and transformed each time. */
  readonly cache?: ImageCache | undefined;
  readonly preprocessing: Preprocessing;
  readonly batchSize: number;
  /** Places in `samples`, in the order they are wanted. Left out: as they are. */
  readonly order?: readonly number[] | undefined;
  /** One a place in `order`. Left out: test views. */
  readonly views?: readonly (View | null)[] | undefined;
  /** Images being decoded while the consumer works on a batch. */
  readonly prefetch: number;
  readonly signal?: AbortSignal | undefined;
};

/** A batch that says which samples its images are of. */
export interface PlacedBatch extends Batch {
  /** Places in `samples`. */
  readonly places: Int32Array; // [count]
}

/** Pixels, or why there are none; never a rejected promise, because nobody may be waiting for it. */
type Outcome =
  | { readonly kind: "pixels"; readonly place: number; readonly pixels: Uint8Array; readonly label: number }
  | { readonly kind: "unreadable"; readonly id: string; readonly error: InputError }
  | { readonly kind: "failed"; readonly error: unknown };

/**
 * Yields the samples as batches, all full but the last. An image left out is made up for by the next one, so what
 * comes out depends on `samples`, `order` and `views` only, never on which decode ends first.
 * @throws InputError that names the image, if one can't be read and `onUnreadable` is "fail".
 */
export async function* batches(options: BatchesOptions): AsyncGenerator<PlacedBatch, void, undefined> {
  const { preprocessing, batchSize, views, signal } = options;
  const order = options.order ?? options.samples.map((_, index) => index);
  if (views !== undefined && views.length !== order.length) {
    throw new Error(`batches: ${views.length} views for ${order.length} images`);
  }
  if (
    !(
      Number.isInteger(batchSize) &&
      batchSize > 0 &&
      Number.isInteger(options.prefetch) &&
      options.prefetch >= 0
    )
  ) {
    throw new Error(
      `batches: batchSize ${batchSize} and prefetch ${options.prefetch} must be whole, positive numbers`,
    );
  }
  const imageBytes = preprocessing.size ** 2 * 3;
  const waiting: Promise<Outcome>[] = [];
  let started = 0;
  const startUntil = (count: number): void => {
    while (waiting.length < count && started < order.length) {
      waiting.push(decode(options, order[started]!, views?.[started] ?? null, imageBytes));
      started++;
    }
  };

  let images = new Uint8Array(batchSize * imageBytes);
  let labels = new Int32Array(batchSize);
  let places = new Int32Array(batchSize);
  let count = 0;
  for (;;) {
    signal?.throwIfAborted();
    startUntil(Math.max(1, options.prefetch));
    const first = waiting.shift();
    if (first === undefined) break;
    const outcome = await first;
    signal?.throwIfAborted();
    if (outcome.kind === "failed") throw outcome.error;
    if (outcome.kind === "unreadable") {
      if (options.onUnreadable === "fail") throw outcome.error;
      options.onSkip(outcome.id, outcome.error.message);
      continue;
    }
    images.set(outcome.pixels, count * imageBytes);
    labels[count] = outcome.label;
    places[count] = outcome.place;
    count++;
    if (count === batchSize) {
      startUntil(options.prefetch); // these decode while the consumer has the batch
      yield { images, labels, places, count };
      images = new Uint8Array(batchSize * imageBytes); // the consumer may keep the last one
      labels = new Int32Array(batchSize);
      places = new Int32Array(batchSize);
      count = 0;
    }
  }
  if (count === 0) return;
  images = images.slice(0, count * imageBytes);
  yield { images, labels: labels.slice(0, count), places: places.slice(0, count), count };
}

async function decode(
  { dataset, samples, transform, preprocessing, position, cache }: BatchesOptions,
  place: number,
  view: View | null,
  imageBytes: number,
): Promise<Outcome> {
  const sample = samples[place]!;
  let unread = true;
  const read = async (): Promise<StoredImage> => {
    unread = true;
    const image = await dataset.read(sample);
    unread = false;
    return image;
  };
  try {
    const label = position[sample.label];
    if (label === undefined)
      throw new Error(`batches: ${sample.id} has label ${sample.label}, which has no position`);
    const pixels =
      cache === undefined
        ? await transform(await read(), preprocessing, view)
        : await cache.pixels({ sample, preprocessing, view, read, transform });
    if (pixels.length !== imageBytes) {
      throw new Error(`batches: ${sample.id} became ${pixels.length} bytes, expected ${imageBytes}`);
    }
    return { kind: "pixels", place, pixels, label };
  } catch (error) {
    // Only what the user's data caused can be skipped; anything else is a fault of the program.
    if (!(error instanceof InputError)) return { kind: "failed", error };
    return {
      kind: "unreadable",
      id: sample.id,
      error: unread ? error : new InputError(`${sample.id}: ${error.message}`, { cause: error }),
    };
  }
}
