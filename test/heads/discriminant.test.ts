import { describe, expect, test } from "vitest";
import { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { Discriminant } from "../../src/heads/discriminant.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { Rng } from "../../src/tensor/rng.ts";

const WIDTH = 4;
const CENTRES = [
  [2, 0, 0, 0],
  [0, 2, 0, 0],
  [0, 0, 2, 0],
];

/** Draws around the centers with standard deviation `spread`. */
function drawn(rng: Rng, perClass: number, spread: number): { features: Float32Array; labels: Int32Array } {
  const labels = Int32Array.from({ length: CENTRES.length * perClass }, (_, i) => i % CENTRES.length);
  const features = Float32Array.from({ length: labels.length * WIDTH }, (_, i) => {
    return CENTRES[labels[Math.floor(i / WIDTH)]!]![i % WIDTH]! + spread * rng.normal();
  });
  return { features, labels };
}

function fitted(spread: number, shrinkage = 0.1): Discriminant {
  const statistics = new ClassStatistics(WIDTH);
  statistics.add(drawn(Rng.at("fit"), 400, spread), { betweenScatter: false });
  return new Discriminant(statistics, shrinkage);
}

/** Mean probability of the most likely class, and how often it is right. */
function confidence(discriminant: Discriminant, spread: number): { sure: number; right: number } {
  const { features, labels } = drawn(Rng.at("test"), 1000, spread);
  const scores = discriminant.scores(features, 3);
  let sure = 0;
  let right = 0;
  for (const [row, label] of labels.entries()) {
    const own = [...scores.subarray(row * 3, row * 3 + 3)];
    const highest = Math.max(...own);
    sure += 1 / own.reduce((sum, score) => sum + Math.exp(score - highest), 0);
    right += Number(own.indexOf(highest) === label);
  }
  return { sure: sure / labels.length, right: right / labels.length };
}

describe("Discriminant", () => {
  test.each([0.7, 1, 2])("is as sure as it is right (deviation %d)", (spread) => {
    const { sure, right } = confidence(fitted(spread), spread);
    expect(Math.abs(sure - right)).toBeLessThan(0.04);
  });

  test("heavy shrinkage alone would make it unsure: the temperature mends that", () => {
    const discriminant = fitted(1, 5);
    expect(discriminant.temperature).toBeLessThan(0.5);
    const { sure, right } = confidence(discriminant, 1);
    expect(Math.abs(sure - right)).toBeLessThan(0.04);
  });

  test("is at a distance of the expected size from its own classes, and far from anything else", () => {
    const discriminant = fitted(1, 1e-6);
    const { features } = drawn(Rng.at("test"), 1000, 1);
    const distances = discriminant.distances(features);
    const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
    expect(mean).toBeGreaterThan(0.7); // 1 to the true class, less where another happens to be nearer
    expect(mean).toBeLessThan(1.02);
    const [far] = discriminant.distances(Float32Array.of(0, 0, 0, 8));
    expect(far).toBeGreaterThan(10);
  });

  test("the temperature looks at all of a thousand classes, not at the first ones", () => {
    const classes = 1000;
    const spread = (label: number): number => (label < 600 ? 100 : 1) * label; // far apart, then close together
    const rng = Rng.at("many");
    const labels = Int32Array.from({ length: 4 * classes }, (_, i) => i % classes);
    const features = Float32Array.from(labels, (label) => spread(label) + rng.normal());
    const statistics = (of: Int32Array): ClassStatistics => {
      const result = new ClassStatistics(1);
      result.add({ features, labels: of }, { betweenScatter: false });
      return result;
    };
    const forwards = new Discriminant(statistics(labels), 0.1).temperature;
    const backwards = new Discriminant(statistics(labels.map((label) => classes - 1 - label)), 0.1)
      .temperature;
    expect(forwards / backwards).toBeGreaterThan(0.8);
    expect(forwards / backwards).toBeLessThan(1.25);
  });

  test("a ridge that leaves the covariance singular is refused in one line that says what to do", () => {
    const features = Float32Array.from({ length: 6 * WIDTH }, (_, i) => Math.floor(i / WIDTH) % 3); // equal columns
    const statistics = new ClassStatistics(WIDTH);
    statistics.add({ features, labels: Int32Array.of(0, 0, 0, 1, 1, 1) }, { betweenScatter: false });
    expect(() => new Discriminant(statistics, 1e-30)).toThrow(InputError);
    expect(() => new Discriminant(statistics, 1e-30)).toThrow(
      "choose a larger one (`shrinkage`, `driftRidge`)",
    );
    expect(new Discriminant(statistics, 0.1).temperature).toBeGreaterThan(0);
  });

  test("one class, and a class of one image, give finite numbers", () => {
    const statistics = new ClassStatistics(WIDTH);
    statistics.add(
      { features: Float32Array.of(1, 2, 3, 4), labels: Int32Array.of(0) },
      { betweenScatter: false },
    );
    const discriminant = new Discriminant(statistics, 0.1);
    expect(discriminant.temperature).toBe(1);
    expect([...discriminant.scores(Float32Array.of(1, 1, 1, 1), 1)].every(Number.isFinite)).toBe(true);
    expect([...discriminant.distances(Float32Array.of(1, 1, 1, 1))].every(Number.isFinite)).toBe(true);
  });
});
