import fc from "fast-check";
import { expect, test } from "vitest";
import { Rng } from "../../src/tensor/rng.ts";

const draws = (rng: Rng, count = 8): number[] => Array.from({ length: count }, () => rng.uniform());
const part = fc.oneof(fc.integer({ min: 0, max: 1e6 }), fc.string({ unit: "grapheme-ascii", maxLength: 8 }));
const path = fc.array(part, { minLength: 1, maxLength: 4 });

test("one path gives the same numbers every time", () => {
  fc.assert(
    fc.property(path, (parts) => {
      expect(draws(Rng.at(...parts))).toEqual(draws(Rng.at(...parts)));
    }),
  );
});

test("different paths give different numbers", () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      fc.pre(a.join("/") !== b.join("/"));
      expect(draws(Rng.at(...a))).not.toEqual(draws(Rng.at(...b)));
    }),
  );
});

test("neighboring paths are uncorrelated", () => {
  const count = 2000;
  const [a, b] = [1, 2].map((epoch) => draws(Rng.at(0, "task", 3, "epoch", epoch), count)) as [
    number[],
    number[],
  ];
  const correlation = a.reduce((sum, x, i) => sum + (x - 0.5) * (b[i]! - 0.5), 0) / (count / 12);
  expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(count));
});

test("uniform numbers are in [0, 1), integers below their limit", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 1e9 }), (seed, limit) => {
      const rng = new Rng(seed);
      for (const x of draws(rng)) expect(x >= 0 && x < 1).toBe(true);
      const n = rng.below(limit);
      expect(Number.isInteger(n) && n >= 0 && n < limit).toBe(true);
    }),
  );
});

test("shuffled is a permutation and leaves its argument alone", () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.integer()), (seed, items) => {
      const before = [...items];
      const order = (list: number[]): number[] => list.toSorted((a, b) => a - b);
      expect(order(new Rng(seed).shuffled(items))).toEqual(order(items));
      expect(items).toEqual(before);
    }),
  );
});

test("every order of three comes up equally often", () => {
  const rng = new Rng(5);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = rng.shuffled(["a", "b", "c"]).join("");
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
});

test.each([
  ["normal", (rng: Rng) => rng.normal(), 0, 1, 0, 3],
  ["gumbel", (rng: Rng) => rng.gumbel(), 0.5772, Math.PI / Math.sqrt(6), 1.1395, 5.4],
] as const)(
  "%s has its mean, deviation, skewness and kurtosis",
  (_, draw, mean, deviation, skewness, kurtosis) => {
    const rng = new Rng(11);
    const sample = Array.from({ length: 100_000 }, () => (draw(rng) - mean) / deviation);
    const moment = (power: number): number => sample.reduce((sum, x) => sum + x ** power, 0) / sample.length;
    expect(moment(1)).toBeCloseTo(0, 1.9);
    expect(moment(2)).toBeCloseTo(1, 1.5);
    expect(Math.abs(moment(3) - skewness)).toBeLessThan(0.1);
    expect(Math.abs(moment(4) - kurtosis)).toBeLessThan(0.5);
  },
);
