import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AUGMENTATIONS, drawPass, drawView } from "../../src/data/augmentation.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("drawView(rng, augmentation, aspect)", () => {
  test("draws only test views for 'none'", () => {
    expect(drawView(new Rng(1), AUGMENTATIONS.none)).toBeNull();
  });

  test("mirrors about half of the images for 'flip', in the geometry of a test image", () => {
    const rng = new Rng(1);
    const views = Array.from({ length: 1000 }, () => drawView(rng, AUGMENTATIONS.flip));
    const flipped = views.filter((view) => view !== null);
    expect(flipped.every((view) => view.flip && view.crop === null)).toBe(true);
    expect(flipped.length).toBeGreaterThan(440);
    expect(flipped.length).toBeLessThan(560);
  });

  test("crops stay inside the image, and keep the asked area and shape unless nothing fitted", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0.3, max: 3, noNaN: true }),
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        (seed, aspect, low) => {
          const view = drawView(
            new Rng(seed),
            { crop: { scale: [low, 1], ratio: [3 / 4, 4 / 3] }, flip: 0 },
            aspect,
          );
          const [left, top, width, height] = view!.crop!;
          expect(Math.min(left, top)).toBeGreaterThanOrEqual(0);
          expect(Math.max(left + width, top + height)).toBeLessThanOrEqual(1 + 1e-9);
          const shape = (width / height) * aspect;
          expect(shape).toBeGreaterThan(3 / 4 - 1e-9);
          expect(shape).toBeLessThan(4 / 3 + 1e-9);
          const centred = Math.abs(2 * left + width - 1) < 1e-9 && Math.abs(2 * top + height - 1) < 1e-9;
          if (!centred) expect(width * height).toBeGreaterThanOrEqual(low - 1e-9);
        },
      ),
      { numRuns: 200 },
    );
  });

  test("falls back to the whole image if no crop fits, and to the largest allowed shape if it is too long", () => {
    const whole = { crop: { scale: [1, 1], ratio: [1.2, 1.3] }, flip: 0 } as const; // never fits a square
    expect(drawView(new Rng(3), whole, 1.25)?.crop).not.toBeNull();
    expect(drawView(new Rng(3), whole)!.crop).toEqual([
      0,
      expect.closeTo(1 / 12),
      1,
      expect.closeTo(1 / 1.2),
    ]);
    expect(drawView(new Rng(3), whole, 2.6)!.crop).toEqual([0.25, 0, 0.5, 1]);
  });
});

describe("drawPass(rng, count, augmentation)", () => {
  test("draws one view an image and the same pass for the same seed", () => {
    const pass = drawPass(new Rng(5), 20, AUGMENTATIONS["random-resized-crop"]);
    expect([...pass.order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(pass.views).toHaveLength(20);
    expect(drawPass(new Rng(5), 20, AUGMENTATIONS["random-resized-crop"])).toEqual(pass);
  });

  test.each([
    { crop: null, flip: 1.5 },
    { crop: { scale: [0, 1], ratio: [1, 1] }, flip: 0 },
    { crop: { scale: [0.5, 0.2], ratio: [1, 1] }, flip: 0 },
    { crop: { scale: [0.5, 1], ratio: [2, 1] }, flip: 0 },
  ] as const)("refuses %o", (augmentation) => {
    expect(() => drawPass(new Rng(1), 1, augmentation)).toThrow(InputError);
  });
});
