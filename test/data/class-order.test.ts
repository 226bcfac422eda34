import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classOrder } from "../../src/data/class-order.ts";
import { InputError } from "../../src/tensor/errors.ts";

describe("classOrder(count, seed)", () => {
  // numpy.random.RandomState(seed).permutation(count), NumPy 2
  test.each([
    [100, 1993, [68, 56, 78, 8, 23, 84, 90, 65]],
    [200, 1993, [168, 136, 51, 9, 183, 101, 171, 99]],
    [345, 1993, [214, 80, 343, 268, 224]],
    [7, 0, [6, 2, 1, 3, 0, 5, 4]],
    [10, 4294967295, [6, 9, 5, 1, 8, 0, 7, 4, 2, 3]],
  ])("gives NumPy's permutation of %d with seed %d", (count, seed, start) => {
    expect(classOrder(count, seed).slice(0, start.length)).toEqual(start);
  });

  test("gives NumPy's last numbers too", () => {
    expect(classOrder(1000, 42).slice(-5)).toEqual([106, 270, 860, 435, 102]);
  });

  test("keeps the natural order for a null seed", () => {
    expect(classOrder(4, null)).toEqual([0, 1, 2, 3]);
  });

  test("is a permutation for every seed", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        (count, seed) => {
          const sorted = classOrder(count, seed).sort((a, b) => a - b);
          expect(sorted).toEqual(Array.from({ length: count }, (_, label) => label));
        },
      ),
      { numRuns: 50 },
    );
  });

  test.each([-1, 1.5, 2 ** 32, Number.NaN])("refuses the seed %d", (seed) => {
    expect(() => classOrder(10, seed)).toThrow(InputError);
  });
});
