/** @file How many pixels are decoded at the same time, in one thread and in several. */
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { expect, test } from "vitest";
import type { Preprocessing } from "../../../src/data/dataset.ts";
import { LARGEST_PIXELS } from "../../../src/data/image-format.ts";
import { pixelsInWork, withPixels } from "../../../src/node/images/gate.ts";
import { imagePool } from "../../../src/node/images/pool.ts";

const preprocessing: Preprocessing = {
  size: 16,
  cropFraction: null,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bilinear",
};

test("never more pixels than the largest image has; all have their turn, and a failure gives its place back", async () => {
  let [now, most] = [0, 0];
  const job = (width: number, height: number, fails = false) =>
    withPixels({ width, height }, async () => {
      now += width * height;
      most = Math.max(most, now);
      await sleep(2);
      now -= width * height;
      if (fails) throw new Error("broken");
      return width;
    });
  const sides = Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 10_900 : 4000));
  expect(await Promise.all(sides.map((side) => job(side, side)))).toEqual(sides);
  expect(most).toBeGreaterThan(4 * 4000 ** 2);
  expect(most).toBeLessThanOrEqual(LARGEST_PIXELS);
  await expect(job(10_900, 10_900, true)).rejects.toThrow("broken");
  expect(await job(20_000, 20_000)).toBe(20_000); // too large for any: refused elsewhere
  expect(pixelsInWork[0]).toBe(0);
});

test("worker threads count in the same number", async () => {
  const blank = { create: { width: 64, height: 64, channels: 3, background: "#808080" } } as const;
  const bytes = new Uint8Array(await sharp(blank).png().toBuffer());
  const pool = imagePool(1);
  try {
    await pool.transform({ kind: "encoded", bytes }, preprocessing, null);
    let done = false;
    await withPixels({ width: LARGEST_PIXELS, height: 1 }, async () => {
      void pool.transform({ kind: "encoded", bytes }, preprocessing, null).then(() => {
        done = true;
      });
      await sleep(150);
      expect(done).toBe(false);
    });
    await expect.poll(() => done).toBe(true);
  } finally {
    await pool.close();
  }
});
