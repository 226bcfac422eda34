/** @file DualPrompt against its definition in plain numbers: shared and chosen prefixes, one slot a task. */
import { expect, test } from "vitest";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps, taskOf } from "../support/one-task.ts";
import { plainBackbone as backbone, imageOf, plainOf } from "../support/plain-backbone.ts";
import { plainCrossEntropy } from "../support/plain-head.ts";
import { dot, type PlainHooks, type Rows, rowsOf, unit } from "../support/plain-vit.ts";

const D = 16;
/** Of three blocks, the first has general prefixes and both others expert ones. */
const options = {
  generalBlocks: 4,
  expertBlocks: 8,
  generalLength: 2,
  expertLength: 3,
  promptRate: 0.5,
  headRate: 0.5,
};
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2, 2]), patternBatch([4, 5, 5, 4, 4])];
const [first, second, third] = batches as [(typeof batches)[0], (typeof batches)[0], (typeof batches)[0]];
type State = Readonly<Record<string, Tensor>>;
const rowsIn = (state: State, name: string): Rows =>
  state[name] === undefined ? [] : rowsOf(float32Data(state[name]), D);

/** Cosines of an image's query with the keys of all tasks. */
const cosinesOf = (state: State, batch: typeof first, i: number): number[] =>
  [...rowsIn(state, "past.key"), ...rowsIn(state, "key")].map((key) =>
    dot(unit(key), unit(plainOf(batch, i))),
  );

/** Prefixes with the expert rows of that slot. */
function hooks(state: State, slot: number): PlainHooks {
  const general = rowsIn(state, "general"); // key 0 and 1, value 0 and 1
  const size = 2 * 2 * options.expertLength; // rows of a task
  const expert = [...rowsIn(state, "past.expert"), ...rowsIn(state, "expert")].slice(
    slot * size,
    (slot + 1) * size,
  );
  const L = options.expertLength;
  return {
    prefix(block) {
      if (block === 0) return { key: general.slice(0, 2), value: general.slice(2, 4) };
      const own = expert.slice((block - 1) * 2 * L, block * 2 * L);
      return { key: own.slice(0, L), value: own.slice(L) };
    },
  };
}

const argmax = (values: readonly number[]): number => values.indexOf(Math.max(...values));

test("an image has the expert prefix of the key nearest to its own query", async () => {
  const learner = learnerOf("dualprompt", { options, backbone });
  for (const [index, batch] of batches.entries()) await learn(learner, batch, 3, index);
  const state = learner.state();
  const slots = new Set<number>();
  for (const batch of batches) {
    const features = rowsOf(await learner.features(batch), D);
    for (const [i, row] of features.entries()) {
      const slot = argmax(cosinesOf(state, batch, i));
      slots.add(slot);
      const expected = plainOf(batch, i, hooks(state, slot));
      for (const [j, value] of row.entries()) expect(value).toBeCloseTo(expected[j]!, 4);
    }
  }
  expect(slots.size).toBeGreaterThan(1); // or the test shows little
  await learner.dispose();
});

test("a task trains its own slot, whatever the keys say, and the general prefixes; past slots stay bit for bit", async () => {
  const learner = learnerOf("dualprompt", { options: { ...options, pull: 0.3 }, backbone });
  await learn(learner, first, 2);
  const before = learner.state();
  const numbers = (name: string): number => before[name]!.data.length;
  const { size } = await steps(learner, second, 0, 1);
  expect(size).toBe(numbers("general") + numbers("expert") + D + 2 * (D + 1));
  await learn(learner, second, 2, 1);
  const after = learner.state();
  for (const name of ["expert", "key"]) {
    expect(after[`past.${name}`]!.data).toEqual(before[name]!.data);
    expect(after[name]!.data).not.toEqual(before[name]!.data);
  }
  expect(after.general!.data).not.toEqual(before.general!.data);
  await learn(learner, third, 2, 2);
  const last = learner.state();
  expect(last["past.key"]!.data.slice(0, 2 * D)).toEqual(
    Float32Array.of(...float32Data(before.key!), ...float32Data(after.key!)),
  );
  await learner.dispose();
});

test("the loss of a later task is that of its slot, which goes on from the last, plus the pull of its new key", async () => {
  const learner = learnerOf("dualprompt", { options: { ...options, pull: 0.3, promptRate: 1e-9 }, backbone });
  await learn(learner, first, 1);
  const before = learner.state();
  const zeros = [new Array<number>(D).fill(0), new Array<number>(D).fill(0)];
  const features = Array.from({ length: second.count }, (_, i) => plainOf(second, i, hooks(before, 0)));
  const { loss } = plainCrossEntropy(
    features,
    [...second.labels].map((label) => label - 2),
    zeros,
    [0, 0],
  );
  const own = await learner.begin({ ...taskOf(second, 1) });
  const measured = await own.training!.step(second, { epoch: 0, step: 0, progress: 0 });
  await learner.end(taskOf(second, 1));
  const cosines = Array.from({ length: second.count }, (_, i) => cosinesOf(learner.state(), second, i)[1]!);
  const pulled = cosines.reduce((sum, cosine) => sum + (0.3 * (1 - cosine)) / second.count, 0);
  expect(measured).toBeCloseTo(loss + pulled, 4);
  await learner.dispose();
});

test("an image takes two forward passes; the published mix-up makes answers depend on the batch, the default does not", async () => {
  expect(await forwardPasses("dualprompt", 2)).toBe(2);
  const differs = async (mixedPrefixes: boolean): Promise<boolean> => {
    const learner = learnerOf("dualprompt", { options: { ...options, mixedPrefixes }, backbone });
    for (const [index, batch] of batches.entries()) await learn(learner, batch, 2, index);
    const together = rowsOf(await learner.features(first), D);
    const alone: Float32Array[] = [];
    for (let i = 0; i < first.count; i++)
      alone.push(await learner.features({ images: imageOf(first, (i + 1) % first.count), count: 1 }));
    await learner.dispose();
    const gap = (row: Float32Array, i: number): number =>
      Math.max(...row.map((value, j) => Math.abs(value - together[(i + 1) % first.count]![j]!)));
    return alone.some((row, i) => gap(row, i) > 1e-3);
  };
  expect(await differs(false)).toBe(false);
  expect(await differs(true)).toBe(true);
});

test("a backbone that is not deep enough is refused", () => {
  expect(() => learnerOf("dualprompt", { options: { generalBlocks: 8, expertBlocks: 8 }, backbone })).toThrow(
    "2 blocks with general and 2 with expert prefixes are more than the 3 that the backbone has",
  );
});
