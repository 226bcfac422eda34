/** @file The temperature that plain halving finds, from fewer looks at the draws. */
import { expect, test, vi } from "vitest";
import { type ClassDraws, fitTemperature } from "../../src/heads/temperature.ts";
import { Rng } from "../../src/tensor/rng.ts";

/** Halving alone: every step sums over all draws and classes. scores: [draws, classes] */
function plainlyHalved(scores: Float32Array, labels: readonly number[]): number {
  const classes = scores.length / labels.length;
  const slopeAt = (inverse: number): number => {
    let slope = 0;
    for (const [row, label] of labels.entries()) {
      const own = Float64Array.from(scores.subarray(row * classes, (row + 1) * classes));
      const highest = Math.max(...own);
      let [total, weighted] = [0, 0];
      for (const score of own) {
        const gap = score - highest;
        if (gap * inverse < -37) continue;
        const likelihood = Math.exp(gap * inverse);
        total += likelihood;
        weighted += likelihood * gap;
      }
      slope += weighted / total - (own[label]! - highest);
    }
    return slope;
  };
  let [low, high] = [1 / 20, 20];
  for (let i = 0; i < 23; i++) {
    const middle = Math.sqrt(low * high);
    if (slopeAt(middle) >= 0) high = middle;
    else low = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Scores whose labels stand out by `lead`, in units of `spread`. */
function drawn(seed: number, classes: number, spread: number, lead: number): ClassDraws {
  const rng = Rng.at("temperature test", seed);
  const labels = Array.from({ length: 40 }, (_, i) => i % classes);
  const features = Float32Array.from({ length: labels.length * classes }, (_, i) => {
    const own = labels[Math.floor(i / classes)] === i % classes;
    return spread * (rng.normal() + (own ? lead : 0));
  });
  return { features, labels };
}

const cases = [2, 7, 60].flatMap((classes) =>
  [0.01, 0.3, 1, 5, 100].flatMap((spread) =>
    [0, 0.5, 2, 5, 40].map((lead) => [classes, spread, lead] as const),
  ),
);

test("to the last bit, with fewer than half of the exponentials", () => {
  const exponentials = vi.spyOn(Math, "exp");
  const counted = (work: () => number): [value: number, exponentials: number] => {
    exponentials.mockClear();
    return [work(), exponentials.mock.calls.length];
  };
  const sums = { plain: 0, ours: 0 };
  for (const [seed, [classes, spread, lead]] of cases.entries()) {
    const draws = drawn(seed, classes, spread, lead);
    const [expected, plain] = counted(() => plainlyHalved(draws.features, draws.labels));
    const [found, ours] = counted(() => fitTemperature(draws, (features) => features));
    expect(found, `${classes} classes, ${spread}, ${lead}`).toBe(expected);
    sums.plain += plain;
    sums.ours += ours;
  }
  exponentials.mockRestore();
  expect(sums.ours).toBeLessThan(sums.plain / 2);
});
