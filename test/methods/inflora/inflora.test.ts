/** @file InfLoRA trains B alone, from zero, in directions that past inputs leave free. */
import { expect, test } from "vitest";
import { product } from "../../../src/tensor/linear-algebra.ts";
import { float32Data, type Tensor } from "../../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps, taskOf } from "../../support/one-task.ts";

const WIDTH = 32;
const RANK = 4;
const options = { rank: RANK, firstEnergy: 0.9, lastEnergy: 0.9, basesRate: 20, headRate: 0.5 };
const first = patternBatch([0, 1, 0, 1, 1]);
const second = patternBatch([2, 3, 3, 2], "second");
const size = (value: Tensor): number => Math.hypot(...float32Data(value));

test("trains B of keys and values and the rows; A is as it was designed, bit for bit", async () => {
  const learner = learnerOf("inflora", { options });
  const training = await steps(learner, first, 3);
  expect(training.size).toBe(2 * 2 * WIDTH * RANK + 2 * (WIDTH + 1));
  await learner.dispose();
  // Another learner with rate 0 of B keeps the A that both have designed.
  const states = await Promise.all(
    [20, 1e-9].map(async (basesRate) => {
      const own = learnerOf("inflora", { options: { ...options, basesRate } });
      await learn(own, first, 3);
      await own.dispose();
      return own.state();
    }),
  );
  const [moved, still] = states as [Record<string, Tensor>, Record<string, Tensor>];
  for (const block of ["blocks.0", "blocks.1"]) {
    expect(moved[`${block}.a`]!.dims).toEqual([RANK, WIDTH]);
    expect(moved[`${block}.a`]).toEqual(still[`${block}.a`]);
    for (const site of ["key", "value"]) expect(size(moved[`${block}.${site}.b`]!)).toBeGreaterThan(1e-3);
  }
});

test("a later task keeps past pairs bit for bit, and its A reads nothing of what is avoided", async () => {
  const learner = learnerOf("inflora", { options });
  await learn(learner, first, 3);
  const before = learner.state();
  await learn(learner, second, 3, 1);
  const after = learner.state();
  for (const block of ["blocks.0", "blocks.1"]) {
    expect(after[`${block}.past.a`]!.data).toEqual(before[`${block}.a`]!.data);
    const [columns, retain] = [...before[`${block}.space.columns`]!.data].map(Number) as [number, number];
    expect([columns > 0, retain]).toEqual([true, 0]);
    const read = product(
      float32Data(after[`${block}.a`]!),
      WIDTH,
      float32Data(before[`${block}.space`]!),
      WIDTH / 2,
    );
    expect(Math.hypot(...read)).toBeLessThan(1e-5);
    for (const site of ["key", "value"].map((layer) => `${block}.${layer}`)) {
      const [b, stacked] = [float32Data(before[`${site}.b`]!), float32Data(after[`${site}.past.b`]!)];
      for (let out = 0; out < WIDTH; out++)
        for (let r = 0; r < RANK; r++) expect(stacked[r * WIDTH + out]).toBe(b[out * RANK + r]);
    }
  }
  await learner.dispose();
});

test("past and present pairs change keys and values by Σ B A, merged: one forward pass", async () => {
  const learner = learnerOf("inflora", { options });
  const fresh = learnerOf("inflora", { options });
  await learn(learner, first, 3);
  await learn(learner, second, 3, 1);
  const features = await learner.features(first);
  const bare = await fresh.features(first);
  expect(Math.hypot(...features.map((value, i) => value - bare[i]!))).toBeGreaterThan(0.05);
  await fresh.load(learner.state());
  expect(await fresh.features(first)).toEqual(features);
  // What a third task starts from are the features of the unmerged graph.
  const { before } = await fresh.begin({ ...taskOf(first, 2), classes: [4, 5] });
  for (const [i, value] of before!.features.entries()) expect(value).toBeCloseTo(features[i]!, 4);
  for (const each of [learner, fresh]) await each.dispose();
  expect(await forwardPasses("inflora", 3)).toBe(1);
});
