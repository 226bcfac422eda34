/** @file EASE trains new adapters for each task and sees an image through those of all. */
import { expect, test } from "vitest";
import { float32Data, type Tensor } from "../../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps, taskOf } from "../../support/one-task.ts";
import { plainBackbone as backbone, plainOf } from "../../support/plain-backbone.ts";
import { dot, type PlainHooks, plainLinear, rowsOf, unit } from "../../support/plain-vit.ts";

const D = 16;
const SIZE = 3;
const options = { size: SIZE, factor: 0.5, adapterRate: 1, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const [first, second] = batches as [(typeof batches)[0], (typeof batches)[0]];
type State = Readonly<Record<string, Tensor>>;

/** 0.5 Up(relu(Down x)) beside the MLP of every block. */
const hooks = (state: State, task: number): PlainHooks => ({
  beside(half, block, tokens) {
    if (half !== "mlp") return undefined;
    const value = (name: string) => float32Data(state[`tasks.${task}.blocks.${block}.adapter.${name}`]!);
    const hidden = plainLinear(tokens, value("down.weight"), value("down.bias"));
    const active = hidden.map((row) => row.map((x) => Math.max(x, 0)));
    return plainLinear(active, value("up.weight"), value("up.bias")).map((row) => row.map((x) => 0.5 * x));
  },
});

test("features are those through every task's adapters, side by side", async () => {
  const learner = learnerOf("ease", { options, backbone });
  expect(learner.width).toBe(D);
  for (const [index, batch] of batches.entries()) await learn(learner, batch, 3, index);
  expect(learner.width).toBe(2 * D);
  const features = rowsOf(await learner.features(first), 2 * D);
  const state = learner.state();
  for (const [i, row] of features.entries()) {
    const expected = [0, 1].flatMap((task) => plainOf(first, i, hooks(state, task)));
    for (const [j, value] of row.entries()) expect(value).toBeCloseTo(expected[j]!, 4);
    const bare = plainOf(first, i);
    expect(Math.hypot(...bare.map((value, j) => value - row[j]!))).toBeGreaterThan(1e-3);
  }
  await learner.dispose();
});

test("a task trains its own adapters, from nothing, and throw-away rows; past ones stay bit for bit", async () => {
  const learner = learnerOf("ease", { options, backbone });
  const training = await learn(learner, first, 3);
  expect(training.size).toBe(3 * (2 * D * SIZE + SIZE + D) + 2 * D + 1); // rows, and the scale of their cosines
  const before = learner.state();
  await learn(learner, second, 3, 1);
  const after = learner.state();
  expect(Object.keys(after).some((name) => name.startsWith("head"))).toBe(false);
  for (const [name, { data }] of Object.entries(before)) {
    if (name.startsWith("tasks.0.")) expect(after[name]!.data, name).toEqual(data);
  }
  // Measured means of old classes stay as well: there are no images to measure others.
  expect([...after["prototypes.counts"]!.data]).toEqual([2, 0, 3, 0, 2, 2, 2, 2]);
  const own = (state: State, rows: number, c: number) =>
    [...state["prototypes.means"]!.data].slice(c * rows * D, c * rows * D + D);
  for (const c of [0, 1]) expect(own(after, 2, c)).toEqual(own(before, 1, c));
  await learner.dispose();
});

test("the loss is cross-entropy of σ cos, with σ = 1 and rows that are drawn", async () => {
  const learner = learnerOf("ease", { options, backbone });
  const training = await steps(learner, first, 0);
  const rows = rowsOf(float32Data(training.state()["trained/head.weight"]!), D);
  expect(rows.every((row) => row.some((value) => value !== 0))).toBe(true);
  const losses = Array.from({ length: first.count }, (_, i) => {
    const logits = rows.slice(0, 2).map((row) => dot(unit(row), unit(plainOf(first, i))));
    return Math.log(logits.reduce((sum, z) => sum + Math.exp(z), 0)) - logits[first.labels[i]!]!;
  });
  const { training: same } = await learner.begin(taskOf(first));
  const loss = await same!.step(first, { epoch: 0, step: 0, progress: 0 });
  expect(loss).toBeCloseTo(losses.reduce((sum, value) => sum + value, 0) / losses.length, 4);
  await learner.dispose();
});

test.each([1, 2, 3])("after %i tasks an image takes as many forward passes", async (tasks) => {
  expect(await forwardPasses("ease", tasks)).toBe(tasks);
});
