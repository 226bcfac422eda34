import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Batch, ImageTransform, Preprocessing } from "../../src/data/dataset.ts";
import { type BatchesOptions, batches } from "../../src/data/loader.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { toyDataset } from "./toy-dataset.ts";

const preprocessing: Preprocessing = {
  size: 1,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
  cropFraction: null,
};
const dataset = toyDataset({ classes: 5, trainPerClass: 4 });
/** The stored pixel; blue becomes 255 in a mirrored view. */
const transform: ImageTransform = async (image, _, view) => {
  if (image.kind !== "rgb") throw new Error("toy images are raw");
  return view?.flip ? Uint8Array.of(image.data[0]!, image.data[1]!, 255) : image.data;
};
const base = {
  dataset,
  samples: dataset.train,
  position: [4, 3, 2, 1, 0],
  transform,
  preprocessing,
  batchSize: 6,
  prefetch: 4,
  onUnreadable: "fail",
} as const satisfies BatchesOptions;

async function all(options: BatchesOptions): Promise<Batch[]> {
  const result: Batch[] = [];
  for await (const batch of batches(options)) result.push(batch);
  return result;
}

/** Fails for the images named. */
const broken = (...ids: string[]): Pick<typeof dataset, "read"> => ({
  read: async (sample) => {
    if (ids.includes(sample.id)) throw new InputError(`${sample.id}: broken`);
    return dataset.read(sample);
  },
});

describe("batches(options)", () => {
  test("gives full batches, then what is left, with labels as stream positions", async () => {
    const result = await all(base);
    expect(result.map(({ count, images, labels }) => [count, images.length, labels.length])).toEqual([
      [6, 18, 6],
      [6, 18, 6],
      [6, 18, 6],
      [2, 6, 2],
    ]);
    expect([...result[0]!.labels]).toEqual([4, 3, 2, 1, 0, 4]);
    expect([...result[0]!.images.subarray(0, 6)]).toEqual([0, 0, 0, 1, 0, 0]);
  });

  test("follows the order and views given", async () => {
    const [batch] = await all({ ...base, order: [7, 0], views: [{ crop: null, flip: true }, null] });
    expect([...batch!.images]).toEqual([2, 0, 255, 0, 0, 0]);
  });

  test("gives the same batches however long each decode takes, whatever the prefetch", async () => {
    const rng = new Rng(9);
    const jittery: ImageTransform = async (...args) => {
      await sleep(rng.below(4));
      return transform(...args);
    };
    const expected = await all(base);
    for (const prefetch of [0, 1, 7, 100]) {
      expect(await all({ ...base, transform: jittery, prefetch })).toEqual(expected);
    }
  });

  test("decodes up to `prefetch` images while the consumer works, and no more", async () => {
    let started = 0;
    const counting: ImageTransform = async (...args) => {
      started++;
      return transform(...args);
    };
    const iterator = batches({ ...base, transform: counting, batchSize: 2, prefetch: 3 });
    await iterator.next();
    await sleep(5);
    expect(started).toBe(5);
    await iterator.return();
    await sleep(5);
    expect(started).toBe(5);
  });

  test("stops at an image that can't be read, and names it", async () => {
    const failing = all({ ...base, dataset: broken("train/0/2/1") });
    await expect(failing).rejects.toThrow(InputError);
    await expect(failing).rejects.toThrow("train/0/2/1: broken");
  });

  test("names the image that can't be decoded", async () => {
    const undecodable: ImageTransform = async (image, ...rest) => {
      if (image.kind === "rgb" && image.data[0] === 3) throw new InputError("not a JPEG");
      return transform(image, ...rest);
    };
    await expect(all({ ...base, transform: undecodable })).rejects.toThrow("train/0/3/0: not a JPEG");
  });

  test("leaves unreadable images out when told to, reports each, and fills the batch with the next", async () => {
    const skipped: string[][] = [];
    const result = await all({
      ...base,
      dataset: broken("train/0/1/0", "train/0/4/3"),
      onUnreadable: "skip",
      onSkip: (id, reason) => skipped.push([id, reason]),
    });
    expect(skipped).toEqual([
      ["train/0/1/0", "train/0/1/0: broken"],
      ["train/0/4/3", "train/0/4/3: broken"],
    ]);
    expect(result.map(({ count }) => count)).toEqual([6, 6, 6]);
    expect([...result[0]!.labels]).toEqual([4, 2, 1, 0, 4, 3]);
  });

  test("never skips a fault of the program", async () => {
    const buggy: ImageTransform = async () => {
      throw new TypeError("undefined is not a function");
    };
    await expect(all({ ...base, transform: buggy, onUnreadable: "skip", onSkip: () => {} })).rejects.toThrow(
      TypeError,
    );
    await expect(all({ ...base, position: [0] })).rejects.toThrow(/label 1, which has no position/);
  });

  test("stops when aborted", async () => {
    const controller = new AbortController();
    const iterator = batches({ ...base, signal: controller.signal });
    await iterator.next();
    controller.abort(new Error("interrupted"));
    await expect(iterator.next()).rejects.toThrow("interrupted");
  });

  test("gives no batch for no samples", async () => {
    expect(await all({ ...base, samples: [] })).toEqual([]);
  });
});
