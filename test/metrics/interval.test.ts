import { expect, test } from "vitest";
import { shareInterval } from "../../src/metrics/interval.ts";

test("intervals of shares are Wilson's: SciPy's values, and bounds that stay bounds", () => {
  // scipy.stats.binomtest(39, 47).proportion_ci(method="wilson"), and so on
  const near = (right: number, images: number, low: number, high: number): void => {
    const interval = shareInterval(right / images, images);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  };
  near(39, 47, 0.698602, 0.911136);
  near(0, 10, 0, 0.277533);
  near(10, 10, 0.722467, 1);
  near(500, 1000, 0.46907, 0.53093);
  expect(shareInterval(0, 0)).toEqual([0, 1]);
});
