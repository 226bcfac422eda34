/** @file The images of a run, batch by batch: decoded ahead, and told about where they can't be read. */
import type { Pass } from "../data/augmentation.ts";
import type { Batch, Images, ImageTransform, Sample, View } from "../data/dataset.ts";
import { batches, type ImageCache, type PlacedBatch, type UnreadablePolicy } from "../data/loader.ts";
import type { Task, TaskStream } from "../data/stream.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { InputError } from "../tensor/errors.ts";
import type { RunEvent } from "./events.ts";
import type { Trace } from "./tracer.ts";

/** Images decoded ahead of the network. */
const PREFETCH = 128;
/** Images of a batch where nothing is trained. */
const PASS_BATCH = 64;

/** Where images come from, and who hears of them. */
export interface TaskImagesOptions {
  readonly stream: TaskStream;
  readonly preprocessing: Backbone["preprocessing"];
  readonly transform: ImageTransform;
  readonly cache?: ImageCache | undefined;
  readonly unreadable: "fail" | "skip";
  readonly signal?: AbortSignal | undefined;
  readonly trace: Trace;
  /** Ids of the images left out so far; grows. */
  readonly skipped: string[];
  /** For events that the log keeps. */
  readonly tell: (event: RunEvent) => void;
  /** For progress that only a terminal shows. */
  readonly passing: (event: RunEvent) => void;
}

/** The images of one run. */
export class TaskImages {
  readonly #options: TaskImagesOptions;

  constructor(options: TaskImagesOptions) {
    this.#options = options;
  }

  /** A task's training images in order, as test images are prepared. @throws InputError if none can be read */
  async *pass(task: Task, phase: string): AsyncIterable<Batch> {
    let done = 0;
    for await (const batch of this.batches(task.train)) {
      yield batch;
      done += batch.count;
      const total = task.train.length;
      this.#options.passing({ type: "phase", task: task.index, name: phase, done, total });
    }
    checkReadable(task, done);
  }

  /** A task's training images under all views that will be wanted again. */
  async *lasting({ index, train }: Task, { order, views }: Pass): AsyncIterable<Images> {
    let done = 0;
    for await (const batch of this.batches(train, { order, views })) {
      yield batch;
      done += batch.count;
      this.#options.passing({ type: "phase", task: index, name: "first blocks", done, total: order.length });
    }
  }

  /** Some images in order, or in another one and under other views. */
  batches(
    samples: readonly Sample[],
    how: {
      readonly batchSize?: number;
      readonly order?: readonly number[];
      readonly views?: readonly (View | null)[];
    } = {},
  ): AsyncGenerator<PlacedBatch, void, undefined> {
    const { stream, transform, cache, preprocessing, signal, unreadable, trace } = this.#options;
    const onSkip = (id: string, reason: string): void => {
      if (this.#options.skipped.includes(id)) return;
      this.#options.skipped.push(id);
      this.#options.tell({ type: "skipped-image", id, reason });
    };
    const policy: UnreadablePolicy =
      unreadable === "skip" ? { onUnreadable: "skip", onSkip } : { onUnreadable: "fail" };
    const loaded = batches({
      dataset: stream.dataset,
      samples,
      position: stream.position,
      transform,
      cache,
      preprocessing,
      prefetch: PREFETCH,
      signal,
      batchSize: PASS_BATCH,
      ...how,
      ...policy,
    });
    return trace.waiting("waiting for images", loaded);
  }
}

/** With `unreadable: "skip"` every image of a task may be left out. */
export function checkReadable({ name, train }: Task, images: number): void {
  if (images > 0) return;
  throw new InputError(`${name}: none of its ${train.length} training images can be read`);
}
