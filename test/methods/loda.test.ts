/** @file LoDA: where a task may move the weights, how its halves lead each other, and what is folded in. */
import { expect, test } from "vitest";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { withPrefix } from "../../src/tensor/prefix.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { forwardPasses, learn, learnerOf, patternBatch } from "../support/one-task.ts";
import { testContext } from "../support/run-method.ts";
import { goldenBackbone as backbone, expectClose, golden } from "./goldens/compare.ts";

const WIDTH = 16;
const RANK = 3;
const options = { rank: RANK, margin: 0.05, basesRate: 0.5, headRate: 0.5 };
const batches = [patternBatch([0, 1, 0, 1, 1]), patternBatch([2, 3, 3, 2])];
const numbers = (value: Tensor | undefined): Float32Array => float32Data(value!);

const after = async (changes: Readonly<Record<string, unknown>> = {}) => {
  const learner = learnerOf("loda", { options: { ...options, ...changes }, backbone });
  const [sizes, states]: [number[], Record<string, Tensor>[]] = [[], []];
  for (const [index, batch] of batches.entries()) {
    sizes.push((await learn(learner, batch, 3, index)).size);
    states.push(learner.state());
  }
  return { learner, sizes, states };
};

test("directions, halves that lead each other and folding as torch computes them from the definition", async () => {
  const expected = golden("loda");
  const { learner, states } = await after();
  for (const [task, state] of states.entries()) {
    expectClose(numbers(state["own/blocks.1.query.weight"]), expected[`query ${task}`]!, `query ${task}`);
    expectClose(numbers(state["own/blocks.2.value.weight"]), expected[`value ${task}`]!, `value ${task}`);
    const rows = numbers(state["head.weight"]).slice(2 * task * WIDTH);
    expectClose(rows, expected[`rows ${task}`]!, `rows ${task}`, 1e-3);
    expectClose(numbers(state["blocks.1.moment"]), expected[`past ${task}`]!, `past ${task}`);
  }
  await learner.dispose();
});

test("the first task trains A and B of one update, later ones B of both; rows without biases", async () => {
  const { learner, sizes, states } = await after();
  const b = 3 * 3 * WIDTH * RANK;
  expect(sizes).toEqual([b + 3 * RANK * WIDTH + 2 * WIDTH, 2 * b + 2 * WIDTH]);
  expect([...numbers(states[1]!["head.bias"])]).toEqual([0, 0, 0, 0]);
  const names = Object.keys(withPrefix("own/", states[1]!));
  expect(names).toHaveLength(9);
  for (const name of names) expect(name).toMatch(/^blocks\.\d\.(query|key|value)\.weight$/);
  await learner.dispose();
});

test("without a lead the steps are plain ones; doubledMoments counts inputs twice", async () => {
  const [led, plain, doubled] = await Promise.all([{}, { rho: 0 }, { doubledMoments: true }].map(after));
  expect(plain!.states[0]!["own/blocks.1.query.weight"]).not.toEqual(
    led!.states[0]!["own/blocks.1.query.weight"],
  );
  const [once, twice] = [led!, doubled!].map(({ states }) => numbers(states[0]!["blocks.1.moment"]));
  expectClose(
    twice!,
    [...once!].map((value) => 2 * value),
    "moment",
    1e-6,
  );
  for (const { learner } of [led!, plain!, doubled!]) await learner.dispose();
});

test("classifies by cosines with its rows, on a bare network of its weights, in one forward pass", async () => {
  const { learner, states } = await after();
  const weights = { ...backbone.weights, ...withPrefix("own/", states[1]!) } as Record<
    string,
    Tensor<"float32">
  >;
  const bare = new AdaptedNetwork({ ...testContext({ backbone }), backbone: { ...backbone, weights } });
  const features = await learner.features(batches[0]!);
  expect(features).toEqual(await bare.features(batches[0]!));
  const scores = learner.classify!(features, 5);
  const rows = numbers(states[1]!["head.weight"]);
  for (const c of [0, 3]) {
    const [f, row] = [features.slice(0, WIDTH), rows.slice(c * WIDTH, (c + 1) * WIDTH)];
    const dot = f.reduce((sum, value, i) => sum + value * row[i]!, 0);
    expect(scores[c]).toBeCloseTo((20 * dot) / Math.hypot(...f) / Math.hypot(...row), 4);
  }
  expect(scores[4]).toBe(Number.NEGATIVE_INFINITY);
  // The same as numbers, for exports: of features at length 1.
  const { weight, classes, unitFeatures } = learner.classify!.linear!();
  expect([unitFeatures, classes]).toEqual([true, [0, 1, 2, 3]]);
  for (const c of classes)
    expect(Math.hypot(...weight.subarray(c * WIDTH, (c + 1) * WIDTH))).toBeCloseTo(20, 4);
  for (const each of [learner, bare]) await each.dispose();
  expect(await forwardPasses("loda", 2)).toBe(1);
});
