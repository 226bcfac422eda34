import { describe, expect, test } from "vitest";
import { AUGMENTATIONS, drawPass } from "../../src/data/augmentation.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

describe("drawPass(rng, count, augmentation)", () => {
  test("draws only test views for 'none'", () => {
    expect(drawPass(new Rng(1), 5, AUGMENTATIONS.none).views).toEqual([null, null, null, null, null]);
  });

  test("mirrors about half of the images for 'flip', in the geometry of a test image", () => {
    const flipped = drawPass(new Rng(1), 1000, AUGMENTATIONS.flip).views.filter((view) => view !== null);
    expect(flipped.every((view) => view.flip && view.crop === null)).toBe(true);
    expect(flipped.length).toBeGreaterThan(440);
    expect(flipped.length).toBeLessThan(560);
  });

  test("gives every random crop a seed of its own", () => {
    const { views } = drawPass(new Rng(2), 1000, AUGMENTATIONS["random-resized-crop"]);
    expect(new Set(views.map((view) => view!.crop!.seed)).size).toBe(1000);
    expect(views[0]!.crop).toMatchObject(AUGMENTATIONS["random-resized-crop"].crop);
  });

  test("draws one view an image and the same pass for the same seed", () => {
    const pass = drawPass(new Rng(5), 20, AUGMENTATIONS["random-resized-crop"]);
    expect([...pass.order].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
    expect(pass.views).toHaveLength(20);
    expect(drawPass(new Rng(5), 20, AUGMENTATIONS["random-resized-crop"])).toEqual(pass);
  });

  test("takes one of an image's own fixed views, the same ones in every pass", () => {
    const fixed = { count: 2, of: (sample: number) => Rng.at("views", sample) };
    const seen = new Map<number, Set<number>>();
    for (let epoch = 0; epoch < 20; epoch++) {
      const { order, views } = drawPass(new Rng(epoch), 10, AUGMENTATIONS["random-resized-crop"], fixed);
      for (const [place, sample] of order.entries()) {
        seen.set(sample, (seen.get(sample) ?? new Set()).add(views[place]!.crop!.seed));
      }
    }
    expect([...seen.values()].map(({ size }) => size)).toEqual(new Array(10).fill(2));
    expect(new Set([...seen.values()].flatMap((seeds) => [...seeds])).size).toBe(20);
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
