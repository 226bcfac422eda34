/** @file Scrambled views: what they show, and that a drift map is fitted on them too. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { scrambled } from "../../src/heads/drift/scrambled.ts";
import { HeadSet, headSetOptions } from "../../src/heads/head-set.ts";
import { DRIFTS } from "../../src/heads/index.ts";
import { ncm } from "../../src/heads/ncm.ts";
import { Rng } from "../../src/tensor/rng.ts";

const SIZE = 4;
const LENGTH = SIZE * SIZE * 3;

/** `count` images, every pixel of which says whose it is: image i has values from 20 i to 20 i + 19. */
function images(seed: number, count: number): { readonly images: Uint8Array; readonly count: number } {
  const rng = Rng.at("images", seed);
  const pixels = Uint8Array.from(
    { length: count * LENGTH },
    (_, i) => 20 * Math.floor(i / LENGTH) + rng.below(20),
  );
  return { images: pixels, count };
}

const sorted = (values: Uint8Array): number[] => [...values].sort((a, b) => a - b);

test("a view has its image's pixels or their negatives, at least half of them, and the rest from one other image", () => {
  let changed = 0;
  fc.assert(
    fc.property(fc.nat(1000), fc.integer({ min: 1, max: 6 }), (seed, count) => {
      const some = images(seed, count);
      const { images: views } = scrambled(some, Rng.at("draw", seed));
      for (let i = 0; i < count; i++) {
        const view = views.subarray(i * LENGTH, (i + 1) * LENGTH);
        const negative = view.every((value) => value >= 136); // images stay below 120
        const plain = negative ? view.map((value) => 255 - value) : view;
        const owners = Array.from(plain, (value) => Math.floor(value / 20));
        expect(owners.filter((owner) => owner === i).length).toBeGreaterThanOrEqual(LENGTH / 2);
        expect(new Set(owners).size).toBeLessThanOrEqual(2);
        const own = some.images.subarray(i * LENGTH, (i + 1) * LENGTH);
        if (new Set(owners).size === 1 && count > 1) expect(sorted(plain)).toEqual(sorted(own));
        changed += Number(view.some((value, at) => value !== own[at]));
      }
    }),
  );
  expect(changed).toBeGreaterThan(100);
});

test("the same draws give the same views", () => {
  const some = images(1, 5);
  expect(scrambled(some, Rng.at("a"))).toEqual(scrambled(some, Rng.at("a")));
  expect(scrambled(some, Rng.at("a"))).not.toEqual(scrambled(some, Rng.at("b")));
});

test("the drift map is fitted on views besides: a class that moved where the task's own images say nothing is found", () => {
  const drift = DRIFTS.find(({ name }) => name === "ridge")!;
  const options = headSetOptions([ncm], drift).parse({ driftRidge: 1e-3, driftViews: 1 });
  const learned = (views: boolean): HeadSet => {
    const heads = new HeadSet({ width: 2, heads: [ncm], drift, options });
    heads.update({ features: Float32Array.of(0, 1, 0, 1.2), labels: Int32Array.of(0, 0) }, undefined);
    expect(heads.driftViews(2)).toBe(1);
    // The second axis turns round; the new class lies on the first alone.
    const after = { features: Float32Array.of(1, 0, 1.2, 0), labels: Int32Array.of(1, 1) };
    const before = { before: Float32Array.of(0, 1, 0, -1), after: Float32Array.of(0, -1, 0, 1) };
    heads.update(after, after, views ? [before] : []);
    return heads;
  };
  const turned = Float32Array.of(0.3, -1);
  const answer = (heads: HeadSet): number => {
    const [old, fresh] = heads.scores(turned, 2).ncm!;
    return Number(fresh! > old!);
  };
  expect(answer(learned(true))).toBe(0);
  expect(answer(learned(false))).toBe(1);
});

test.each(DRIFTS.filter(({ name }) => name !== "none"))("the map $name can be fitted on views", (drift) => {
  const options = headSetOptions([ncm], drift).parse({ driftViews: 2 });
  const heads = new HeadSet({ width: 2, heads: [ncm], drift, options });
  heads.update({ features: Float32Array.of(0, 1, 0, 1.2), labels: Int32Array.of(0, 0) }, undefined);
  expect(heads.driftViews(2)).toBe(2);
});

test("nothing asks for views before there is something to move, or where nothing moves", () => {
  const drift = DRIFTS.find(({ name }) => name === "ridge")!;
  const heads = new HeadSet({ width: 2, heads: [ncm], drift, options: { driftViews: 2 } });
  expect(heads.driftViews(2)).toBe(0);
  const none = DRIFTS.find(({ name }) => name === "none")!;
  expect(Object.keys(headSetOptions([ncm], none).shape)).not.toContain("driftViews");
  const still = new HeadSet({ width: 2, heads: [ncm], drift: none, options: { driftViews: 2 } });
  still.update({ features: Float32Array.of(0, 1), labels: Int32Array.of(0) }, undefined);
  expect(still.driftViews(2)).toBe(0);
});

test.each([
  [0, 0],
  [10, 4],
  [199, 4],
  [200, 2],
  [399, 2],
  [400, 0],
  [5000, 0],
])(
  "unless told otherwise the ridge map of a task of %d images has %d views, other maps none",
  (images, views) => {
    for (const drift of DRIFTS) {
      const options = headSetOptions([ncm], drift).parse({});
      const heads = new HeadSet({ width: 2, heads: [ncm], drift, options });
      heads.update({ features: Float32Array.of(0, 1, 0, 1.2), labels: Int32Array.of(0, 0) }, undefined);
      expect(heads.driftViews(images)).toBe(drift.name === "ridge" ? views : 0);
    }
  },
);
