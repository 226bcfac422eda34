import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CropRange } from "../../src/data/dataset.ts";
import { drawCrop } from "../../src/data/random-crop.ts";
import { Rng } from "../../src/tensor/rng.ts";

const side = fc.integer({ min: 1, max: 3000 });
const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const range = fc
  .record({
    scale: fc.tuple(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
    ),
    ratio: fc.tuple(
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      fc.double({ min: 0.2, max: 5, noNaN: true }),
    ),
  })
  .map(({ scale, ratio }) => ({
    scale: [Math.min(...scale), Math.max(...scale)] as const,
    ratio: [Math.min(...ratio), Math.max(...ratio)] as const,
  }));
const STANDARD: CropRange = { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] };

/** Means of 300,000 draws of torchvision 0.29.1's get_params on 500 x 375, and what 20,000 draws deviate by. */
const TORCHVISION = {
  area: { mean: 0.43325, deviation: 0.0015 },
  logRatio: { mean: 0.0304, deviation: 0.0012 },
  width: { mean: 281.82, deviation: 0.61 },
  height: { mean: 270.21, deviation: 0.5 },
  left: { mean: 109.12, deviation: 0.57 },
  top: { mean: 52.4, deviation: 0.36 },
};

describe("drawCrop(crop, width, height)", () => {
  test("stays inside the image, in whole pixels, and depends on seed and size alone", () => {
    fc.assert(
      fc.property(range, seed, side, side, (chosen, own, width, height) => {
        const box = drawCrop({ ...chosen, seed: own }, width, height);
        expect(Object.values(box).every(Number.isInteger)).toBe(true);
        expect(Math.min(box.left, box.top)).toBeGreaterThanOrEqual(0);
        expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(1);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
        expect(drawCrop({ ...chosen, seed: own }, width, height)).toEqual(box);
      }),
    );
  });

  test("has the area and the shape asked for, up to rounding, unless nothing fitted", () => {
    fc.assert(
      fc.property(range, seed, side, side, (chosen, own, width, height) => {
        const box = drawCrop({ ...chosen, seed: own }, width, height);
        const central =
          box.left === Math.floor((width - box.width) / 2) &&
          box.top === Math.floor((height - box.height) / 2);
        const touches = box.width === width || box.height === height;
        const { scale, ratio } = chosen;
        // Each side is rounded by half a pixel at most.
        const areas = [(box.width - 0.5) * (box.height - 0.5), (box.width + 0.5) * (box.height + 0.5)];
        const shapes = [(box.width - 0.5) / (box.height + 0.5), (box.width + 0.5) / (box.height - 0.5)];
        const asked =
          areas[1]! >= scale[0] * width * height * (1 - 1e-9) &&
          areas[0]! <= scale[1] * width * height * (1 + 1e-9) &&
          shapes[1]! >= ratio[0] * (1 - 1e-9) &&
          shapes[0]! <= ratio[1] * (1 + 1e-9);
        expect(asked || (central && touches)).toBe(true);
      }),
    );
  });

  test("falls back to torchvision's central crop where no shape fits", () => {
    // 900 x 300: a third of the width at most has a ratio of 4 : 3 or less, and at least half the area is asked for.
    const crop = { scale: [0.5, 1], ratio: [3 / 4, 4 / 3], seed: 5 } as const;
    expect(drawCrop(crop, 900, 300)).toEqual({ left: 250, top: 0, width: 400, height: 300 });
    expect(drawCrop(crop, 301, 900)).toEqual({ left: 0, top: 249, width: 301, height: 401 });
    expect(drawCrop({ ...crop, scale: [1, 1], ratio: [1, 1] }, 30, 30)).toEqual({
      left: 0,
      top: 0,
      width: 30,
      height: 30,
    });
  });

  test("spreads area, shape and place as torchvision's own draws do", () => {
    const seeds = new Rng(1);
    const draws = Array.from({ length: 20_000 }, () =>
      drawCrop({ ...STANDARD, seed: seeds.below(2 ** 32) }, 500, 375),
    );
    const values = {
      area: draws.map(({ width, height }) => (width * height) / (500 * 375)),
      logRatio: draws.map(({ width, height }) => Math.log(width / height)),
      width: draws.map(({ width }) => width),
      height: draws.map(({ height }) => height),
      left: draws.map(({ left }) => left),
      top: draws.map(({ top }) => top),
    };
    for (const [name, { mean, deviation }] of Object.entries(TORCHVISION)) {
      const own = values[name as keyof typeof values].reduce((sum, value) => sum + value) / draws.length;
      expect(Math.abs(own - mean), name).toBeLessThan(5 * deviation); // five standard errors of our mean
    }
  });
});
