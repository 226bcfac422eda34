import fc from "fast-check";
import { expect, test } from "vitest";
import { summarize } from "../../src/metrics/accuracy-matrix.ts";
import { anytimeCurve } from "../../src/metrics/anytime.ts";

test("the curve is a share at each point, A_AUC its mean: worked by hand", () => {
  const curve = anytimeCurve([5, 8, 12], [10, 10, 30]);
  expect(curve).toEqual([0.5, 0.8, 0.4]);
  const { anytimeAccuracy } = summarize([[1]], [4], { anytimeCurve: curve });
  expect(anytimeAccuracy).toBeCloseTo((0.5 + 0.8 + 0.4) / 3, 12);
});

test("A_AUC is the area of a step function over its length, whatever the distance of its points", () => {
  const points = fc.array(fc.tuple(fc.nat(50), fc.integer({ min: 50, max: 90 })), { minLength: 1 });
  fc.assert(
    fc.property(points, fc.integer({ min: 1, max: 1000 }), (counts, distance) => {
      const curve = anytimeCurve(
        counts.map(([correct]) => correct),
        counts.map(([, images]) => images),
      );
      const area = counts.reduce((sum, [correct, images]) => sum + (correct / images) * distance, 0);
      const { anytimeAccuracy } = summarize([[1]], [4], { anytimeCurve: curve });
      expect(anytimeAccuracy).toBeCloseTo(area / (distance * counts.length), 12);
    }),
  );
});

test.each([
  [[5], [], "anytime accuracy: 1 correct counts, but 0 counts of test images"],
  [[5], [4], "anytime accuracy: 5 of 4 test images at point 0"],
  [[1, 0], [4, 0], "anytime accuracy: 0 of 0 test images at point 1"],
])("refuses %j of %j", (correct, images, message) => {
  expect(() => anytimeCurve(correct, images)).toThrow(message);
});
