/** @file A linear probe is softmax regression on frozen features, and nothing else. */
import { expect, test } from "vitest";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { plainCrossEntropy } from "../support/plain-head.ts";
import { rowsOf } from "../support/plain-vit.ts";

test("trains its rows as softmax regression does, and keeps nothing else", async () => {
  const learner = learnerOf("linear-probe", { options: { headRate: 0.1 } });
  const batch = patternBatch([3, 5, 3, 5, 5, 3]);
  const frozen = await learner.features(batch);
  const training = await learn(learner, batch, 3);
  expect(training.size).toBe(2 * (32 + 1));
  const features = rowsOf(frozen, 32);
  const labels = [...batch.labels].map((label) => [3, 5].indexOf(label));
  let weight = [new Array<number>(32).fill(0), new Array<number>(32).fill(0)];
  let bias = [0, 0];
  for (let step = 0; step < 3; step++) {
    const { dWeight, dBias } = plainCrossEntropy(features, labels, weight, bias);
    weight = weight.map((row, c) => row.map((w, j) => w - 0.1 * dWeight[c]![j]!));
    bias = bias.map((b, c) => b - 0.1 * dBias[c]!);
  }
  const state = learner.state();
  expect(Object.keys(state).sort()).toEqual(["head.bias", "head.classes", "head.weight"]);
  expect([...state["head.classes"]!.data]).toEqual([3, 5]);
  for (const [i, w] of weight.flat().entries()) expect(state["head.weight"]!.data[i]).toBeCloseTo(w, 5);
  for (const [i, b] of bias.entries()) expect(state["head.bias"]!.data[i]).toBeCloseTo(b, 5);
  expect(await learner.features(batch)).toEqual(frozen);
  await learner.dispose();
});

test("a task leaves the rows of other classes as they were; an image takes one forward pass", async () => {
  const learner = learnerOf("linear-probe");
  await learn(learner, patternBatch([0, 1, 0]));
  const rows = (from: number, to: number) => learner.state()["head.weight"]!.data.slice(32 * from, 32 * to);
  const old = rows(0, 2);
  await learn(learner, patternBatch([2, 3, 2]), 2, 1);
  expect(rows(0, 2)).toEqual(old);
  expect(rows(2, 4).every((value) => value === 0)).toBe(false);
  await learner.dispose();
  expect(await forwardPasses("linear-probe", 2)).toBe(1);
});
