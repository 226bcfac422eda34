/** @file How badly a network serves a task: nothing to do, everything to do, and classes too small to judge. */
import { expect, test } from "vitest";
import { taskNeed } from "../../../src/methods/fm-lora/need.ts";
import { Rng } from "../../../src/tensor/rng.ts";

const D = 6;

/** Images of classes that lie `apart` from each other along an axis each. */
function drawn(classes: number, images: number, apart: number) {
  const rng = Rng.at("need", classes, images, apart);
  const labels = Int32Array.from({ length: classes * images }, (_, i) => 10 + (i % classes));
  const features = Float32Array.from(
    { length: labels.length * D },
    (_, i) => rng.normal() + (labels[Math.floor(i / D)]! - 10 === i % D ? apart : 0),
  );
  return { features, labels };
}

test("0 where LDA separates the classes, about 1 where nothing tells them apart, between where something does", () => {
  expect(taskNeed(drawn(4, 40, 20), D)).toBe(0);
  expect(taskNeed(drawn(4, 400, 0), D)).toBeGreaterThan(0.9);
  const some = taskNeed(drawn(4, 400, 2), D);
  expect(some).toBeGreaterThan(0.1);
  expect(some).toBeLessThan(0.6);
});

test("a class of a single image can't be judged by others and counts as wrong", () => {
  const { features, labels } = drawn(2, 20, 20);
  const more = {
    features: Float32Array.from([...features, ...new Array<number>(D).fill(0)]),
    labels: Int32Array.from([...labels, 99]),
  };
  expect(taskNeed(more, D)).toBeCloseTo(1 / 41 / (1 - 1 / 3), 9);
  expect(taskNeed({ features: features.subarray(0, 2 * D), labels: labels.subarray(0, 2) }, D)).toBe(1);
});
