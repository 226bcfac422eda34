/** @file CODA-Prompt against its definition in plain numbers: weighted slots, orthogonal starts, old slots frozen. */
import { expect, test } from "vitest";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps } from "../support/one-task.ts";
import { plainBackbone as backbone, plainOf } from "../support/plain-backbone.ts";
import { dot, type PlainHooks, type Rows, rowsOf, unit } from "../support/plain-vit.ts";

const D = 16;
const [SLOTS, LENGTH, BLOCKS] = [3, 2, 2];
const options = { promptBlocks: 8, slots: SLOTS, promptLength: LENGTH, promptRate: 0.5, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2, 2]), patternBatch([4, 5, 5, 4, 4])];
type State = Readonly<Record<string, Tensor>>;

/** All slots of a block, the oldest first. */
function slotsOf(state: State, block: number, part: string): Rows {
  const size = part === "prompts" ? 2 * LENGTH * D : D;
  return [`past.blocks.${block}.${part}`, `blocks.${block}.${part}`].flatMap((name) =>
    state[name] === undefined ? [] : rowsOf(float32Data(state[name]), size),
  );
}

/** p = Σ_k cos(q ∘ A_k, K_k) P_k; the first rows are keys. */
const hooks = (state: State, query: readonly number[]): PlainHooks => ({
  prefix(block) {
    if (block >= BLOCKS) return undefined;
    const [keys, attention, prompts] = ["keys", "attention", "prompts"].map((part) =>
      slotsOf(state, block, part),
    );
    const weights = keys!.map((key, k) => dot(unit(query.map((q, i) => q * attention![k]![i]!)), unit(key)));
    const sum = prompts![0]!.map((_, i) => weights.reduce((total, w, k) => total + w * prompts![k]![i]!, 0));
    const rows = rowsOf(sum, D);
    return { key: rows.slice(0, LENGTH), value: rows.slice(LENGTH) };
  },
});

test("features have the prefixes that all slots of all tasks make up for the image's own query", async () => {
  const learner = learnerOf("coda-prompt", { options, backbone });
  for (const [index, batch] of batches.entries()) await learn(learner, batch, 3, index);
  const state = learner.state();
  expect(slotsOf(state, 0, "keys")).toHaveLength(3 * SLOTS);
  for (const batch of batches) {
    const features = rowsOf(await learner.features(batch), D);
    for (const [i, row] of features.entries()) {
      const query = plainOf(batch, i);
      const expected = plainOf(batch, i, hooks(state, query));
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(expected[j]!, 4);
      expect(Math.hypot(...query.map((value, j) => value - row[j]!))).toBeGreaterThan(1e-2);
    }
  }
  await learner.dispose();
});

test("new slots start at length 1, orthogonal to each other and to all before", async () => {
  const learner = learnerOf("coda-prompt", { options: { ...options, promptRate: 1e-9 }, backbone });
  for (const [index, batch] of batches.entries()) await learn(learner, batch, 1, index);
  const state = learner.state();
  for (const part of ["keys", "attention", "prompts"]) {
    const rows = slotsOf(state, 1, part);
    for (const [i, x] of rows.entries()) {
      for (const [j, y] of rows.entries()) expect(dot(x, y)).toBeCloseTo(Number(i === j), 5);
    }
  }
  await learner.dispose();
});

test("where no direction is left, a slot is drawn all the same", async () => {
  const learner = learnerOf("coda-prompt", { options: { ...options, slots: D + 4 }, backbone });
  const rows = rowsOf(float32Data(learner.state()["blocks.0.keys"]!), D);
  for (const row of rows) expect(Math.hypot(...row)).toBeCloseTo(1, 5);
  expect(Math.abs(dot(rows[0]!, rows.at(-1)!))).toBeGreaterThan(1e-3);
  await learner.dispose();
});

test("a task trains its own slots and rows; past slots stay bit for bit", async () => {
  const learner = learnerOf("coda-prompt", { options, backbone });
  await learn(learner, batches[0]!, 2);
  const before = learner.state();
  const { size } = await steps(learner, batches[1]!, 0, 1);
  expect(size).toBe(BLOCKS * SLOTS * (2 * D + 2 * LENGTH * D) + 2 * (D + 1));
  await learn(learner, batches[1]!, 2, 1);
  const after = learner.state();
  for (const [name, { data }] of Object.entries(before)) {
    if (name.startsWith("blocks.")) expect(after[`past.${name}`]!.data, name).toEqual(data);
  }
  await learner.dispose();
});

test("an image takes two forward passes", async () => {
  expect(await forwardPasses("coda-prompt", 2)).toBe(2);
});
