import fc from "fast-check";
import { expect, test } from "vitest";
import { clipByGlobalNorm } from "../../src/optim/clip.ts";

const gradients = fc.array(fc.float32Array({ min: -100, max: 100, noNaN: true, minLength: 1 }), {
  minLength: 1,
});
const normOf = (arrays: readonly Float32Array[]): number =>
  Math.hypot(...arrays.flatMap((array) => [...array]));

test("gradients above the limit are shortened together to it, others stay", () => {
  fc.assert(
    fc.property(gradients, fc.double({ min: 0.1, max: 1000, noNaN: true }), (arrays, limit) => {
      const before = arrays.map((array) => array.slice());
      const norm = clipByGlobalNorm(arrays, limit);
      expect(norm).toBeCloseTo(normOf(before), 3);
      if (norm <= limit) expect(arrays).toEqual(before);
      else expect(Math.abs(normOf(arrays) / limit - 1)).toBeLessThan(1e-4);
      for (const [i, array] of arrays.entries()) {
        for (const [j, value] of array.entries()) {
          expect(value).toBeCloseTo(before[i]![j]! * Math.min(1, limit / norm || 1), 3);
        }
      }
    }),
  );
});
