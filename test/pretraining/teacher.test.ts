import { expect, test } from "vitest";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { fitTeacherHead, scaleOf, standardise, teacherView } from "../../src/pretraining/teacher.ts";
import { Rng } from "../../src/tensor/rng.ts";

test("standardised features have mean 0 and deviation 1; one that never changes becomes 0", () => {
  const features = Float32Array.of(1, 10, 5, 3, 30, 5, 5, 20, 5);
  const scale = scaleOf(features, 3);
  expect([...scale.mean]).toEqual([3, 20, 5]);
  standardise(features, scale);
  const column = (k: number): number[] => [0, 1, 2].map((row) => features[row * 3 + k]!);
  for (const k of [0, 1]) {
    expect(column(k).reduce((a, b) => a + b)).toBeCloseTo(0, 5);
    expect(column(k).reduce((sum, value) => sum + value * value, 0) / 3).toBeCloseTo(1, 5);
  }
  expect(column(2)).toEqual([0, 0, 0]);
});

test("the head learns classes that a line separates, its probabilities sum to 1, and it is the same each time", async () => {
  const rng = new Rng(4);
  const labels = Int32Array.from({ length: 300 }, (_, i) => i % 3);
  const features = Float32Array.from({ length: 600 }, (_, i) => {
    const angle = (2 * Math.PI * (Math.floor(i / 2) % 3)) / 3;
    return (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle)) + 0.2 * rng.normal();
  });
  const learned = () => fitTeacherHead(features, labels, 3, nodeRuntime({ threads: 1 }), 7);
  const [first, second] = [await learned(), await learned()];
  const teacher = teacherView(features, 2, first);
  let correct = 0;
  for (const [index, label] of labels.entries()) {
    const probabilities = teacher.predict(index);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
    if (probabilities.indexOf(Math.max(...probabilities)) === label) correct++;
  }
  expect(correct).toBeGreaterThan(285);
  expect(second.predict(Float32Array.of(1, 0))).toEqual(first.predict(Float32Array.of(1, 0)));
});
