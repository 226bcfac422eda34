/** @file EWC-LoRA folds each update into the weights and charges later ones by the importance of these. */
import { expect, test } from "vitest";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { withPrefix } from "../../src/tensor/prefix.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { testContext } from "../support/run-method.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const options = {
  rank: 3,
  elasticity: 1e4,
  importanceDecay: 0.5,
  basesRate: 20,
  headRate: 0.5,
};
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);

const after = async (changes: Readonly<Record<string, unknown>> = {}, tasks = 2) => {
  const learner = learnerOf("ewc-lora", { options: { ...options, ...changes }, backbone });
  const sizes: number[] = [];
  for (const [index, batch] of batches.slice(0, tasks).entries())
    sizes.push((await learn(learner, batch, 3, index)).size);
  const state = learner.state();
  return { learner, sizes, state };
};

test("two tasks, penalty, folding and importance as torch computes them from the definition", async () => {
  const expected = golden("ewc-lora");
  const { learner, state } = await after();
  expectClose(numbers(state["own/blocks.1.value.weight"]), expected.weight!, "weight");
  expectClose(numbers(state["own/blocks.2.key.weight"]), expected.key!, "key");
  expectClose(numbers(state["head.weight"]).slice(2 * 16), expected.rows!, "rows", 1e-3);
  expectClose(numbers(state["blocks.1.value.importance"]), expected.importance!, "importance", 1e-3);
  await learner.dispose();
});

test("batchImportance squares the gradients of whole batches", async () => {
  const { learner, state } = await after({ batchImportance: true });
  const expected = golden("ewc-lora")["batch importance"]!;
  expectClose(numbers(state["blocks.1.value.importance"]), expected, "importance", 1e-3);
  await learner.dispose();
});

test("trains A and B of keys and values and the rows; all other weights are the backbone's", async () => {
  const { learner, sizes, state } = await after();
  expect(sizes).toEqual([0, 1].map(() => 6 * 2 * 16 * 3 + 2 * 17));
  const names = Object.keys(withPrefix("own/", state));
  expect(names.sort()).toEqual(
    [0, 1, 2].flatMap((block) => ["key", "value"].map((layer) => `blocks.${block}.${layer}.weight`)),
  );
  for (const name of names) expect(state[`own/${name}`]!.data).not.toEqual(backbone.weights[name]!.data);
  await learner.dispose();
});

test("the more elasticity, the less a second task moves the weights; the first is free", async () => {
  const [free, held] = await Promise.all([0, 1e6].map((elasticity) => after({ elasticity }, 1)));
  expect(held!.state).toEqual(free!.state);
  const moves = await Promise.all(
    [0, 1e3, 1e5].map(async (elasticity) => {
      const [one, two] = [
        await after({ elasticity, basesRate: 1 }, 1),
        await after({ elasticity, basesRate: 1 }),
      ];
      const [before, end] = [one, two].map(({ state }) => numbers(state["own/blocks.1.value.weight"]));
      for (const { learner } of [one, two]) await learner.dispose();
      return Math.hypot(...end!.map((value, i) => value - before![i]!));
    }),
  );
  expect(moves[1]).toBeLessThan(moves[0]!);
  expect(moves[2]).toBeLessThan(moves[1]!);
  for (const { learner } of [free!, held!]) await learner.dispose();
});

test("answers as a bare network of its weights does, in one forward pass", async () => {
  const { learner, state } = await after();
  const context = testContext({ backbone });
  const weights = { ...backbone.weights, ...withPrefix("own/", state) } as Record<string, Tensor<"float32">>;
  const bare = new AdaptedNetwork({ ...context, backbone: { ...backbone, weights } });
  expect(await learner.features(batches[0]!)).toEqual(await bare.features(batches[0]!));
  for (const each of [learner, bare]) await each.dispose();
  expect(await forwardPasses("ewc-lora", 2)).toBe(1);
});
