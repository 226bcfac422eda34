import { describe, expect, test } from "vitest";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { mirrored, placement } from "../../src/data/placement.ts";
import { place } from "../../src/data/resample.ts";
import { pillowCases, wavePattern } from "./pillow-cases.ts";

const preprocessing = (size: number, cropFraction: number | null): Preprocessing => ({
  size,
  cropFraction,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
});

describe("placement(width, height, preprocessing, view)", () => {
  test("resizes the shorter side and cuts the center, as torchvision does", () => {
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

  test("cuts the random crop of a view and resizes all of it", () => {
    const crop = { scale: [1, 1], ratio: [1, 1], seed: 1 } as const; // never fits: the center
    expect(placement(500, 375, preprocessing(8, 0.875), { crop, flip: false })).toEqual({
      crop: { left: 62, top: 0, width: 375, height: 375 },
      resized: { left: 0, top: 0, width: 8, height: 8 },
      cut: { left: 0, top: 0, width: 8, height: 8 },
    });
  });
});

describe("place(image, placement, interpolation)", () => {
  test.each(pillowCases)(
    "gives Pillow's pixels: $width x $height to $size, crop $cropFraction, $interpolation",
    ({ width, height, size, cropFraction, interpolation, pixels }) => {
      const placed = placement(width, height, preprocessing(size, cropFraction), null);
      expect([...place(wavePattern(width, height), placed, { interpolation, flip: false })]).toEqual(pixels);
    },
  );

  test("copies an image that already has the size", () => {
    const image = wavePattern(5, 5);
    const result = place(image, placement(5, 5, preprocessing(5, null), null), {
      interpolation: "bicubic",
      flip: false,
    });
    expect(result).toEqual(image.data);
    expect(result).not.toBe(image.data);
  });

  test("mirrors what it cut, as mirroring afterwards would", () => {
    const image = wavePattern(31, 17);
    for (const interpolation of ["bilinear", "bicubic"] as const) {
      const placed = placement(31, 17, preprocessing(12, 0.8), null);
      const plain = place(image, placed, { interpolation, flip: false });
      expect(place(image, placed, { interpolation, flip: true })).toEqual(mirrored(plain, 12));
    }
  });

  test("takes an image in strips where it is large", () => {
    const [width, height] = [6000, 500]; // 9 MB
    const image = { width, height, data: new Uint8Array(width * height * 3).fill(7) };
    const result = place(image, placement(width, height, preprocessing(4, null), null), {
      interpolation: "bilinear",
      flip: false,
    });
    expect([...new Set(result)]).toEqual([7]);
  });

  test("refuses a strip that no memory would hold", () => {
    const height = 600_000;
    const image = { width: 1, height, data: new Uint8Array(height * 3) };
    const placed = placement(1, height, preprocessing(224, null), null);
    const how = { interpolation: "bilinear", flip: false } as const;
    expect(() => place(image, placed, how)).toThrow(
      "1 x 600000 pixels are too long a strip to resize; remove it",
    );
  });
});

test("mirrored(pixels, size) turns rows around", () => {
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
  expect([...mirrored(pixels, 2)]).toEqual([4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]);
});
