import fc from "fast-check";
import { expect, test } from "vitest";
import {
  drawKept,
  dropsAt,
  type PretrainingPlan,
  rateAt,
  stepsPerEpoch,
} from "../../src/pretraining/plan.ts";
import { Rng } from "../../src/tensor/rng.ts";

const plan: PretrainingPlan = {
  epochs: 2,
  batchSize: 8,
  rate: 1e-3,
  warmup: 0.1,
  weightDecay: 0.05,
  clip: 1,
  averageDecay: 0,
  labelSmoothing: 0.1,
  teacherShare: 0.5,
  featureWeight: 4,
  keptPatches: 4,
  dropShare: 0.6,
  augmentation: { crop: null, flip: 0.5 },
  seed: 1,
};

test("the rate rises to its peak, and falls to nearly 0 at the last step", () => {
  const rates = Array.from({ length: 100 }, (_, step) => rateAt(plan, step, 100));
  expect(Math.max(...rates)).toBe(rates[10]);
  expect(rates[10]).toBeCloseTo(1e-3, 12);
  expect(rates[0]).toBeGreaterThan(0);
  expect(rates[99]).toBeLessThan(1e-6);
});

test("patches are dropped in the first part of the steps", () => {
  expect([0, 59, 60, 99].map((step) => dropsAt(plan, step, 100))).toEqual([true, true, false, false]);
  expect(dropsAt({ ...plan, dropShare: 0 }, 0, 100)).toBe(false);
});

test("images that don't fill a batch belong to no step", () => {
  expect(stepsPerEpoch(plan, 31)).toBe(3);
});

test("drawn patches are distinct, in order, and as many as asked for, whatever the seed", () => {
  const cases = fc.record({
    seed: fc.integer(),
    patches: fc.integer({ min: 1, max: 20 }),
    share: fc.double({ min: 0.01, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(cases, ({ seed, patches, share }) => {
      const kept = Math.max(1, Math.floor(patches * share));
      const drawn = drawKept(new Rng(seed), 3, kept, patches);
      expect(drawn).toHaveLength(3 * kept * patches);
      for (let image = 0; image < 3; image++) {
        const places = Array.from({ length: kept }, (_, row) => {
          const start = (image * kept + row) * patches;
          const own = drawn.subarray(start, start + patches);
          expect(own.reduce((sum, value) => sum + value, 0)).toBe(1);
          return own.indexOf(1);
        });
        expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      }
    }),
  );
});

test("every patch is drawn about equally often", () => {
  const drawn = drawKept(new Rng(3), 3000, 2, 8);
  const counts = Array.from({ length: 8 }, (_, patch) =>
    drawn.filter((_, i) => i % 8 === patch).reduce((a, b) => a + b),
  );
  for (const count of counts) expect(Math.abs(count - 750)).toBeLessThan(100); // 4.2 deviations
});
