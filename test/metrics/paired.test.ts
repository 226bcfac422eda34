import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pairedDifference, spread, studentQuantile975 } from "../../src/metrics/paired.ts";

/** P(|T| <= t) by Simpson's rule on the density, whose constant comes from the integral over the whole line. */
function centralProbability(t: number, degreesOfFreedom: number): number {
  // x = sqrt(v) tan(a) turns the density into cos(a)^(v - 1), smooth on a bounded interval.
  const integral = (to: number): number => {
    const steps = 2000;
    let sum = 0;
    for (let k = 0; k <= steps; k++)
      sum +=
        (k === 0 || k === steps ? 1 : k % 2 === 1 ? 4 : 2) *
        Math.cos((to * k) / steps) ** (degreesOfFreedom - 1);
    return (sum * to) / steps / 3;
  };
  return integral(Math.atan(t / Math.sqrt(degreesOfFreedom))) / integral(Math.PI / 2);
}

describe("studentQuantile975", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 20, 30, 100, 1000])(
    "with %i degrees of freedom, 95 %% lies within +- t",
    (degreesOfFreedom) => {
      expect(centralProbability(studentQuantile975(degreesOfFreedom), degreesOfFreedom)).toBeCloseTo(0.95, 5);
    },
  );

  test("refuses zero degrees of freedom", () => {
    expect(() => studentQuantile975(0)).toThrow("Student t: 0 degrees of freedom");
  });
});

describe("pairedDifference", () => {
  test("three seeds worked by hand", () => {
    // Differences 1, 2, 3: mean 2, sd 1, margin 4.3027 / sqrt(3).
    const difference = pairedDifference([11, 22, 33], [10, 20, 30]);
    expect(difference).toMatchObject({ count: 3, mean: 2, standardDeviation: 1, verdict: "tie" });
    expect(difference.interval![0]).toBeCloseTo(2 - 2.484138, 5);
    expect(difference.interval![1]).toBeCloseTo(2 + 2.484138, 5);
  });

  test("a lead that holds over the seeds is no tie, whatever the seeds do to both", () => {
    expect(pairedDifference([10.9, 21.1, 31], [10, 20, 30]).verdict).toBe("higher");
    expect(pairedDifference([10, 20, 30], [10.9, 21.1, 31]).verdict).toBe("lower");
  });

  test("differences that no seed has an influence on decide nothing", () => {
    expect(pairedDifference([1, 2, 3], [1, 2, 3]).verdict).toBe("no spread");
    expect(pairedDifference([0.3, 0.4, 0.5], [0.1, 0.2, 0.3]).verdict).toBe("no spread"); // 0.2 but for rounding
    expect(pairedDifference([0.3, 0.4, 0.5001], [0.1, 0.2, 0.3]).verdict).toBe("higher");
  });

  test("one seed decides nothing", () => {
    expect(pairedDifference([2], [1])).toEqual({
      count: 1,
      mean: 1,
      standardDeviation: null,
      interval: null,
      verdict: "one seed",
    });
  });

  test("refuses unequal or no pairs", () => {
    expect(() => pairedDifference([1, 2], [1])).toThrow("2 values, but 1 reference values");
    expect(() => pairedDifference([], [])).toThrow("no values");
  });

  test("swapping the methods mirrors the interval", () => {
    const pairs = fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 1000 })), {
      minLength: 2,
      maxLength: 20,
    });
    fc.assert(
      fc.property(pairs, (list) => {
        const one = list.map(([a]) => a);
        const other = list.map(([, b]) => b);
        const forth = pairedDifference(one, other);
        const back = pairedDifference(other, one);
        expect(forth.interval![0]).toBeCloseTo(-back.interval![1], 9);
        expect(forth.interval![0]).toBeLessThanOrEqual(forth.mean);
        expect(forth.verdict === "tie").toBe(back.verdict === "tie");
      }),
    );
  });
});

test("spread has no deviation for one value", () => {
  expect(spread([3])).toEqual({ count: 1, mean: 3, standardDeviation: null });
  expect(spread([1, 3])).toEqual({ count: 2, mean: 2, standardDeviation: Math.SQRT2 });
});
