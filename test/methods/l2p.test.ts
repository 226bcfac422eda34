/** @file L2P against its definition in plain numbers, and what its query must not do. */
import { expect, test } from "vitest";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch, taskOf } from "../support/one-task.ts";
import { imageOf, plainBackbone, plainOf, plainWeights } from "../support/plain-backbone.ts";
import { plainCrossEntropy } from "../support/plain-head.ts";
import { dot, meanRow, type Rows, rowsOf, unit } from "../support/plain-vit.ts";

const backbone = plainBackbone;
const D = 16;
const [POOL, LENGTH, CHOSEN] = [6, 3, 2];
const options = { poolSize: POOL, promptLength: LENGTH, chosen: CHOSEN, promptRate: 0.5, headRate: 0.5 };
const batch = patternBatch([0, 1, 0, 1, 1]);
const query = (i: number): number[] => plainOf(batch, i);

/** Keys by how near they are to the image's query, and the cosines. */
function nearest(i: number, keys: Rows): { order: number[]; cosines: number[] } {
  const cosines = keys.map((key) => dot(unit(key), unit(query(i))));
  const order = cosines.map((_, k) => k).sort((a, b) => cosines[b]! - cosines[a]!);
  return { order, cosines };
}

/** Mean of what becomes of the prompts of these numbers. */
function promptedFeatures(i: number, prompts: Rows, chosen: readonly number[]): number[] {
  const position = rowsOf(plainWeights.position!, D)[0]!;
  const joined = chosen.flatMap((k) => prompts.slice(k * LENGTH, (k + 1) * LENGTH));
  return plainOf(batch, i, {
    prompts: (block) => (block === 0 ? joined.map((row) => row.map((x, j) => x + position[j]!)) : undefined),
    pool: ({ rows, prompts: count }) => meanRow(rows.slice(rows.length - count)),
  });
}

const rowsIn = (state: Readonly<Record<string, Tensor>>, name: string): Rows =>
  rowsOf(float32Data(state[name]!), D);

test("features are the mean of the prompts that each image's own query chooses", async () => {
  const learner = learnerOf("l2p", { options, backbone });
  const features = rowsOf(await learner.features(batch), D);
  const state = learner.state();
  const choices = new Set<string>();
  for (const [i, row] of features.entries()) {
    const chosen = nearest(i, rowsIn(state, "pool.keys")).order.slice(0, CHOSEN);
    choices.add(chosen.join());
    const expected = promptedFeatures(i, rowsIn(state, "pool.prompts"), chosen);
    for (const [j, value] of row.entries()) expect(value).toBeCloseTo(expected[j]!, 4);
  }
  expect(choices.size).toBeGreaterThan(1); // or the test shows little
  await learner.dispose();
});

test("the loss is cross-entropy plus the pull; keys and prompts that nobody chose stay bit for bit", async () => {
  const learner = learnerOf("l2p", { options: { ...options, pull: 0.3 }, backbone });
  const features = rowsOf(await learner.features(batch), D);
  const before = learner.state();
  const keys = rowsIn(before, "pool.keys");
  const zeros = [new Array<number>(D).fill(0), new Array<number>(D).fill(0)];
  const { loss } = plainCrossEntropy(features, [...batch.labels], zeros, [0, 0]);
  let pulled = 0;
  const used = new Set<number>();
  for (let i = 0; i < batch.count; i++) {
    const { order, cosines } = nearest(i, keys);
    for (const k of order.slice(0, CHOSEN)) {
      used.add(k);
      pulled += (0.3 * (1 - cosines[k]!)) / batch.count;
    }
  }
  const { training } = await learner.begin(taskOf(batch));
  expect(training!.size).toBe(POOL * (LENGTH + 1) * D + 2 * (D + 1));
  expect(await training!.step(batch, { epoch: 0, step: 0, progress: 0 })).toBeCloseTo(loss + pulled, 4);
  await learner.dispose();
  const trained = learnerOf("l2p", { options: { ...options, pull: 0.3 }, backbone });
  await learn(trained, batch, 2);
  const after = trained.state();
  expect(used.size).toBeLessThan(POOL);
  for (let k = 0; k < POOL; k++) {
    const same = (name: string, rows: number): boolean =>
      rowsIn(after, name)
        .slice(k * rows, (k + 1) * rows)
        .every((row, i) => row.every((value, j) => value === rowsIn(before, name)[k * rows + i]![j]));
    expect([same("pool.keys", 1), same("pool.prompts", LENGTH)]).toEqual([!used.has(k), !used.has(k)]);
  }
  await trained.dispose();
});

test("an image takes two forward passes; voted prompts make answers depend on the batch, the default does not", async () => {
  expect(await forwardPasses("l2p", 1)).toBe(2);
  const differs = async (votedPrompts: boolean): Promise<boolean> => {
    const learner = learnerOf("l2p", { options: { ...options, votedPrompts }, backbone });
    const together = rowsOf(await learner.features(batch), D);
    const alone = await Promise.all(
      Array.from({ length: batch.count }, (_, i) =>
        learner.features({ images: imageOf(batch, i), count: 1 }),
      ),
    );
    await learner.dispose();
    return alone.some((row, i) => row.some((value, j) => Math.abs(value - together[i]![j]!) > 1e-3));
  };
  expect([await differs(false), await differs(true)]).toEqual([false, true]);
});

test("more prompts than there are can't be chosen", () => {
  expect(() => learnerOf("l2p", { options: { poolSize: 3, chosen: 4 } })).toThrow(
    "`chosen: 4`: there are 3 prompts to choose from; choose 3 or less, or a larger `poolSize`",
  );
});
