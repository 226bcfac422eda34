/** @file TUNA: adapters that stay unlike, universal ones, rows refitted on draws, and who decides about an image. */
import { expect, test } from "vitest";
import { cosineGradient } from "../../src/methods/tuna/aligned-cosines.ts";
import { universalAdapters } from "../../src/methods/tuna/universal.ts";
import { withPrefix } from "../../src/tensor/prefix.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const SIZE = 3;
const options = {
  size: SIZE,
  factor: 0.5,
  margin: 0.1,
  orthogonality: 3,
  adapterRate: 0.3,
  headRate: 0.3,
  draws: 90,
  alignEpochs: 2,
  alignRate: 0.01,
};
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2]), patternBatch([4, 5, 5, 4])];
const asked = patternBatch([0, 3, 4, 1, 2], "asked");
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);

const after = async (changes: Readonly<Record<string, unknown>> = {}, tasks = 3) => {
  const learner = learnerOf("tuna", { options: { ...options, ...changes }, backbone });
  const [sizes, states]: [number[], Record<string, Tensor>[]] = [[], []];
  for (const [index, batch] of batches.slice(0, tasks).entries()) {
    sizes.push((await learn(learner, batch, 3, index)).size);
    states.push(learner.state());
  }
  return { learner, sizes, states };
};

test("three tasks, universal adapters, refitted rows and probabilities as torch computes them from the definition", async () => {
  const expected = golden("tuna");
  const { learner, states } = await after();
  const state = states[2]!;
  const tasks = [0, 1, 2].map((task) => withPrefix(`tasks.${task}.`, state));
  for (const [task, own] of tasks.entries()) {
    expectClose(numbers(own["blocks.1.adapter.up.weight"]), expected[`up ${task}`]!, `up ${task}`, 1e-3);
    const rows = numbers(state["head.weight"]).slice(2 * task * WIDTH, 2 * (task + 1) * WIDTH);
    expectClose(rows, expected[`rows ${task}`]!, `rows ${task}`, 1e-3);
  }
  expectClose(
    numbers(state["prototypes.variances"]).slice(WIDTH, 2 * WIDTH),
    expected.variance!,
    "variance",
    1e-3,
  );
  const universal = universalAdapters(tasks);
  expectClose(numbers(universal["blocks.1.adapter.up.weight"]), expected.universal!, "universal", 1e-3);
  expectClose(numbers(universal["blocks.2.adapter.down.weight"]), expected.down!, "universal down", 1e-3);
  const scores = learner.classify!(await learner.features(asked), 6);
  expectClose(scores.map(Math.exp), expected.probabilities!, "probabilities", 2e-3);
  expect(new Set(expected.surest).size).toBeGreaterThan(1); // not always the same adapters
  await learner.dispose();
});

test("a task trains its adapters and rows without biases; past ones stay bit for bit", async () => {
  const { learner, sizes, states } = await after();
  const size = 3 * (2 * WIDTH * SIZE + SIZE + WIDTH) + 2 * WIDTH;
  expect(sizes).toEqual([size, size, size]);
  for (const task of [0, 1])
    expect(withPrefix(`tasks.${task}.`, states[2]!)).toEqual(withPrefix(`tasks.${task}.`, states[task]!));
  expect(numbers(states[2]!["head.weight"]).slice(0, 4 * WIDTH)).toEqual(numbers(states[1]!["head.weight"]));
  await learner.dispose();
});

test("the weight of orthogonality makes a later task's adapters less like past ones", async () => {
  const alike = async (orthogonality: number): Promise<number> => {
    const { learner, states } = await after({ orthogonality }, 2);
    const means = [0, 1].map((task) => {
      const up = numbers(states[1]![`tasks.${task}.blocks.1.adapter.up.weight`]);
      const sums = new Float64Array(SIZE);
      for (let row = 0; row < WIDTH; row++) {
        const own = up.subarray(row * SIZE, (row + 1) * SIZE);
        for (const [i, value] of own.entries()) sums[i]! += value / Math.hypot(...own) / WIDTH;
      }
      return sums;
    });
    await learner.dispose();
    return Math.abs(means[0]!.reduce((sum, value, i) => sum + value * means[1]![i]!, 0));
  };
  expect(await alike(1)).toBeLessThan(await alike(0));
});

test("universal adapters have the sign of the mean and the largest magnitude of that sign", () => {
  const of = (...values: number[]) => ({ up: tensor("float32", [4], Float32Array.from(values)) });
  const merged = universalAdapters([of(1, -1, 3, -2), of(2, 4, -5, -1), of(-4, 1, 1, 1)]);
  expect([...merged.up!.data]).toEqual([-4, 4, -5, -2]);
});

test("the gradient of cosine rows is that of finite differences", () => {
  const rng = Rng.at("cosine gradient");
  const [n, classes, d] = [5, 3, 4];
  const rows = Float32Array.from({ length: classes * d }, () => rng.normal());
  const features = Float64Array.from({ length: n * d }, () => rng.normal());
  for (let i = 0; i < n; i++) {
    const own = features.subarray(i * d, (i + 1) * d);
    const length = Math.hypot(...own);
    for (let k = 0; k < d; k++) own[k]! /= length;
  }
  const labels = [0, 2, 1, 0, 2];
  const loss = (weight: Float64Array): number =>
    labels.reduce((sum, label, i) => {
      const z = [0, 1, 2].map((c) => {
        const row = weight.subarray(c * d, (c + 1) * d);
        return (
          (5 * row.reduce((total, value, k) => total + value * features[i * d + k]!, 0)) / Math.hypot(...row)
        );
      });
      return sum + (Math.log(z.reduce((total, value) => total + Math.exp(value), 0)) - z[label]!) / n;
    }, 0);
  const gradient = cosineGradient(features, labels, rows, d, 5);
  for (const [i, value] of gradient.entries()) {
    const [up, down] = [1e-5, -1e-5].map((step) => {
      const moved = Float64Array.from(rows);
      moved[i]! += step;
      return loss(moved);
    });
    expect(value).toBeCloseTo((up! - down!) / 2e-5, 5);
  }
});

test("an image takes a forward pass a task, and from the second task on one more", async () => {
  expect(await forwardPasses("tuna", 1)).toBe(1);
  expect(await forwardPasses("tuna", 3)).toBe(4);
});
