import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { mirrored, place, placement } from "../../src/data/placement.ts";
import { pillowCases, wavePattern } from "./pillow-cases.ts";

const preprocessing = (size: number, cropFraction: number | null): Preprocessing => ({
  size,
  cropFraction,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
});

describe("placement(width, height, preprocessing, view)", () => {
  test("resizes the shorter side and cuts the centre, as torchvision does", () => {
    expect(placement(500, 375, preprocessing(224, 0.875), null)).toEqual({
      crop: { left: 0, top: 0, width: 500, height: 375 },
      resized: { width: 341, height: 256 },
      cut: { left: 58, top: 16, width: 224, height: 224 }, // round(58.5) is 58 in Python
    });
    expect(placement(300, 400, preprocessing(224, 0.9), null).resized).toEqual({ width: 248, height: 330 });
  });

  test("keeps the test geometry of a view that only mirrors", () => {
    const options = preprocessing(224, 0.875);
    expect(placement(500, 375, options, { crop: null, flip: true })).toEqual(
      placement(500, 375, options, null),
    );
  });

  test("cuts whole pixels inside the image for every crop and size", () => {
    const share = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 900 }),
        share,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (side, width, u) => {
          const { crop } = placement(side, side, preprocessing(8, null), {
            crop: [u * (1 - width), 0, width, 1],
            flip: false,
          });
          expect(crop.width).toBeGreaterThanOrEqual(1);
          expect(crop.left).toBeGreaterThanOrEqual(0);
          expect(crop.left + crop.width).toBeLessThanOrEqual(side);
          expect(crop.height).toBe(side);
        },
      ),
    );
  });
});

describe("place(image, placement, interpolation)", () => {
  test.each(pillowCases)(
    "gives Pillow's pixels: $width x $height to $size, crop $cropFraction, $interpolation",
    ({ width, height, size, cropFraction, interpolation, pixels }) => {
      const placed = placement(width, height, preprocessing(size, cropFraction), null);
      expect([...place(wavePattern(width, height), placed, interpolation)]).toEqual(pixels);
    },
  );

  test("copies an image that already has the size", () => {
    const image = wavePattern(5, 5);
    const result = place(image, placement(5, 5, preprocessing(5, null), null), "bicubic");
    expect(result).toEqual(image.data);
    expect(result).not.toBe(image.data);
  });
});

test("mirrored(pixels, size) turns rows around", () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  expect([...mirrored(pixels, 2)]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
});
