/** @file SLCA and fine-tuning train every weight, in copies; SLCA's network moves slowly beside its rows. */
import { expect, test } from "vitest";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { withPrefix } from "../../src/tensor/prefix.ts";
import { float32Data, type Tensor } from "../../src/tensor/tensor.ts";
import { tinyBackbone } from "../../src/testing/tiny-backbone.ts";
import { forwardPasses, learn, learnerOf, patternBatch, steps } from "../support/one-task.ts";
import { plainCrossEntropy } from "../support/plain-head.ts";
import { rowsOf } from "../support/plain-vit.ts";
import { testContext } from "../support/run-method.ts";

const batch = patternBatch([0, 1, 0, 1, 1]);
const trained = async (backboneRate: number): Promise<Record<string, Tensor>> => {
  const learner = learnerOf("slca", { options: { backboneRate, headRate: 0.5 } });
  const training = await steps(learner, batch, 2);
  await learner.dispose();
  return withPrefix("trained/", training.state());
};

test("every weight of the network and the rows are trained, and the state keeps as much after any task", async () => {
  const backbone = tinyBackbone();
  const learner = learnerOf("slca", { options: { backboneRate: 0.1 }, backbone });
  const training = await learn(learner, batch);
  const weights = Object.values(backbone.weights).reduce((sum, { data }) => sum + data.length, 0);
  expect(training.size).toBe(weights + 2 * (32 + 1));
  const own = withPrefix("own/", learner.state());
  expect(Object.keys(own).sort()).toEqual(Object.keys(backbone.weights).sort());
  for (const [name, { data }] of Object.entries(own)) {
    if (name.endsWith("key.bias")) continue; // the softmax of attention ignores it
    expect(data, name).not.toEqual(tinyBackbone().weights[name]!.data);
  }
  await learner.dispose();
});

test("a step moves each weight by its gradient times the rate of the network, the rows by theirs", async () => {
  const [slow, fast] = [await trained(1), await trained(10)];
  const start = tinyBackbone().weights;
  // The first step finds rows of zeros: it moves the rows alone. The second starts alike for both rates.
  for (const [name, { data }] of Object.entries(start)) {
    const [less, more] = [slow, fast].map((state) =>
      Array.from(float32Data(state[`own/${name}`]!), (value, i) => value - data[i]!),
    ) as [number[], number[]];
    const size = Math.hypot(...more);
    const gap = Math.hypot(...more.map((value, i) => value - 10 * less[i]!));
    if (!name.endsWith("key.bias")) expect(gap, name).toBeLessThan(1e-2 * size);
  }
  expect(fast["head.weight"]).toEqual(slow["head.weight"]); // they see the network before it moves
});

test("the first step of the rows is softmax regression on the frozen features", async () => {
  const learner = learnerOf("slca", { options: { headRate: 0.1 } });
  const features = rowsOf(await learner.features(batch), 32);
  const zeros = [new Array<number>(32).fill(0), new Array<number>(32).fill(0)];
  const { dWeight } = plainCrossEntropy(features, [...batch.labels], zeros, [0, 0]);
  await learn(learner, batch, 1);
  const rows = learner.state()["head.weight"]!.data;
  for (const [i, d] of dWeight.flat().entries()) expect(rows[i]).toBeCloseTo(-0.1 * d, 5);
  await learner.dispose();
});

test.each(["slca", "fine-tuning"])(
  "%s answers as a bare network of its weights does, in one forward pass",
  async (name) => {
    const learner = learnerOf(name, { options: { backboneRate: 0.05 } });
    const before = await learner.features(batch);
    await learn(learner, batch, 3);
    const features = await learner.features(batch);
    const context = testContext();
    const weights = withPrefix("own/", learner.state()) as Record<string, Tensor<"float32">>;
    const bare = new AdaptedNetwork({ ...context, backbone: { ...context.backbone, weights } });
    expect(await bare.features(batch)).toEqual(features);
    expect(features).not.toEqual(before);
    for (const each of [learner, bare]) await each.dispose();
    expect(await forwardPasses(name, 2)).toBe(1);
  },
);
