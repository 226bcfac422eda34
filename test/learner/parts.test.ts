/** @file The parts of a learner that are numbers alone. */
import { describe, expect, test } from "vitest";
import { answerOf, strangeness } from "../../src/learner/answers.ts";
import { calibrated } from "../../src/learner/calibration.ts";
import { Digests } from "../../src/learner/memory.ts";
import { trainingPays } from "../../src/learner/training.ts";
import { Rng } from "../../src/tensor/rng.ts";

const CLASSES = 5;

/** Scores whose softmax is calibrated, and labels drawn from it. */
function draws(count: number): { scores: Float32Array; labels: Int32Array } {
  const rng = new Rng(1);
  const scores = Float32Array.from({ length: count * CLASSES }, () => 2 * rng.normal());
  const labels = Int32Array.from({ length: count }, (_, row) => {
    const own = scores.subarray(row * CLASSES, (row + 1) * CLASSES);
    const noisy = Array.from(own, (score) => score + rng.gumbel());
    return noisy.indexOf(Math.max(...noisy));
  });
  return { scores, labels };
}

describe("temperature", () => {
  const temperatureOf = (scores: Float32Array, labels: Int32Array): number => {
    const held = { scores, distances: null, labels, columns: scores.length / labels.length, width: 8 };
    return Math.exp(calibrated({ logTemperature: 0, images: 0 }, held).logTemperature);
  };

  test.each([1, 3, 20])("scores that are %s times too large are cooled by that", (factor) => {
    const { scores, labels } = draws(4000);
    expect(
      temperatureOf(
        scores.map((score) => factor * score),
        labels,
      ) / factor,
    ).toBeCloseTo(1, 1);
  });

  test("images that are all right make nothing surer; a class that is not known changes nothing", () => {
    const labels = Int32Array.from({ length: 8 }, (_, row) => row % 2);
    const scores = Float32Array.from({ length: 16 }, (_, i) => (i % 2 === Math.floor(i / 2) % 2 ? 2 : 0));
    expect(temperatureOf(scores, labels)).toBeCloseTo(1, 5);
    const { scores: some, labels: own } = draws(100);
    const unknown = Array.from(own, (_, row) => [
      ...some.subarray(row * CLASSES, (row + 1) * CLASSES),
      Number.NEGATIVE_INFINITY,
    ]);
    expect(temperatureOf(Float32Array.from(unknown.flat()), own)).toBe(temperatureOf(some, own));
  });
});

describe("calibration", () => {
  test("earlier images count as many as they were", () => {
    const { scores, labels } = draws(100);
    const one = { scores, distances: null, labels, columns: CLASSES, width: 8 };
    const first = calibrated({ logTemperature: 0, images: 0 }, one);
    expect(first.images).toBe(100);
    const before = { logTemperature: first.logTemperature + 2, threshold: first.threshold! + 4, images: 300 };
    const second = calibrated(before, one);
    expect(second.logTemperature).toBeCloseTo(first.logTemperature + 1.5, 6);
    expect(second.threshold).toBeCloseTo(first.threshold! + 3, 6);
  });

  test("95 of 100 held-out images are no stranger than the threshold; a handful says nothing", () => {
    const { scores, labels } = draws(100);
    const one = { scores, distances: null, labels, columns: CLASSES, width: 8 };
    const { threshold } = calibrated({ logTemperature: 0, images: 0 }, one);
    const below = Array.from(labels, (_, row) =>
      strangeness(scores.subarray(row * CLASSES, (row + 1) * CLASSES), null, 8),
    ).filter((value) => value <= threshold!);
    expect(below.length).toBe(96);
    const few = { ...one, scores: scores.subarray(0, 7 * CLASSES), labels: labels.subarray(0, 7) };
    expect(calibrated({ logTemperature: 0, images: 0 }, few)).toEqual({ logTemperature: 0, images: 0 });
  });
});

test("strangeness is the distance less the margin, both by dimension; unknown classes don't count", () => {
  expect(strangeness(Float32Array.of(4, 0, -Infinity, 2), 0.5, 8)).toBeCloseTo(0.5 - (4 - 2) / 8, 6);
  const key = { classNames: ["a", "b"], removed: [1], temperature: 2, threshold: 0.4, width: 8 };
  expect(answerOf(Float32Array.of(1, 9), 0.2, key)).toMatchObject({
    label: "a",
    classes: [{ className: "a", probability: 1 }],
  });
});

test("training pays where it wins more images than chance would", () => {
  const rows = (text: string): boolean[] => [...text].map((letter) => letter === "1");
  expect(trainingPays(rows("0000"), rows("1111"))).toBe(true);
  expect(trainingPays(rows("0011"), rows("0011"))).toBe(false);
  expect(trainingPays(rows("0"), rows("1"))).toBe(false); // one coin
  expect(trainingPays(rows("00001"), rows("11110"))).toBe(true);
  expect(trainingPays(rows("0001"), rows("1110"))).toBe(false);
  expect(trainingPays(rows("11"), rows("00"))).toBe(false);
});

test("digests come back from their tensors, and go with their class", () => {
  const digest = Uint8Array.of(0, 1, 2, 3, 250, 5, 6, 255);
  const keys = [Digests.key(0, digest), Digests.key(12, digest)];
  const digests = Digests.from(new Digests(keys).tensors());
  expect(keys.map((key) => digests.has(key))).toEqual([true, true]);
  expect(keys.map((key) => digests.without(1).without(0).has(key))).toEqual([false, true]);
});
