/** @file Adaptations together, weights of one's own, and what a network refuses. */
import { expect, test } from "vitest";
import type { Adaptation } from "../../src/network/adaptation.ts";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { lowRank } from "../../src/network/low-rank.ts";
import { localCrossEntropy } from "../../src/network/objective.ts";
import { ownWeights } from "../../src/network/own-weights.ts";
import { promptTokens } from "../../src/network/prompt-tokens.ts";
import { meanOf } from "../../src/nn/tokens.ts";
import { concat, scale } from "../../src/ops/index.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { patternImage } from "../../src/testing/index.ts";
import { largestDifference } from "../parity/networks.ts";
import { testContext } from "../support/run-method.ts";

const context = testContext();
const { backbone } = context;
const images = {
  images: new Uint8Array(
    Buffer.concat(
      [0, 1, 2, 3, 4].map((number) => patternImage({ label: number, domain: 0, number, use: "x" })),
    ),
  ),
  count: 5,
};
const random = (name: string, dims: readonly number[], size: number): Tensor<"float32"> => {
  const rng = Rng.at("adaptation", name);
  const length = dims.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    dims,
    Float32Array.from({ length }, () => size * rng.normal()),
  );
};
const rowsOf = (classes: number) => ({
  "head.weight": random("head", [classes, 32], 1),
  "head.bias": random("bias", [classes], 1),
});

test("own weights that equal the frozen ones change nothing; others do, the same merged and unmerged", async () => {
  const names = ["blocks.0.fc1.weight", "blocks.1.query.bias", "norm.weight", "cls"];
  const network = new AdaptedNetwork(context, [ownWeights(backbone, names)]);
  const bare = new AdaptedNetwork(context);
  const values = (size: number) =>
    Object.fromEntries(
      names.map((name) => {
        const { dims, data } = backbone.weights[name]!;
        const noise = random(name, dims, size).data;
        // The network asks for CLS and positions in three dims, as checkpoints have them.
        return [
          `own/${name}`,
          tensor(
            "float32",
            dims,
            data.map((value, i) => value + noise[i]!),
          ),
        ];
      }),
    );
  const plain = await bare.features(images);
  expect(await network.features(images)).toEqual(plain);
  network.merge(values(0));
  expect(largestDifference(await network.features(images), plain)).toBeLessThan(1e-6);
  const moved = values(0.1);
  network.merge(moved);
  const merged = await network.features(images);
  expect(largestDifference(merged, plain)).toBeGreaterThan(1e-2);
  const { features } = await network.observe(images, moved);
  expect(largestDifference(features, merged)).toBeLessThan(1e-5);
  expect(() => ownWeights(backbone, ["blocks.9.fc1.weight"])).toThrow('the backbone has no weight "blocks.9');
  for (const each of [network, bare]) await each.dispose();
});

test("own weights have the gradient of finite differences", async () => {
  const names = ["blocks.0.fc1.bias", "blocks.1.value.weight"];
  const network = new AdaptedNetwork(context, [ownWeights(backbone, names)]);
  const objective = localCrossEntropy({ classes: [0, 1, 2, 3, 4], capacity: 8 });
  const batch = { ...images, labels: Int32Array.of(0, 1, 2, 3, 4) };
  const start = Object.fromEntries(names.map((name) => [`own/${name}`, backbone.weights[name]!]));
  const values = { ...start, ...rowsOf(8) };
  const trained = Object.keys(start);
  const { gradients } = await network.gradients(batch, values, trained, objective);
  const [name] = [trained[1]!];
  const direction = random("direction", start[name]!.dims, 1).data;
  const lossAt = async (step: number): Promise<number> => {
    const { dims, data } = start[name]!;
    const moved = data.map((value, i) => value + step * direction[i]!);
    const at = { ...values, [name]: tensor("float32", dims, moved) };
    return (await network.gradients(batch, at, trained, objective)).loss;
  };
  const step = 2e-3;
  const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
  const exact = gradients[name]!.reduce((sum, value, i) => sum + value * direction[i]!, 0);
  expect(Math.abs(exact - numeric)).toBeLessThan(5e-3 * Math.abs(exact));
  await network.dispose();
});

test("changes of a layer and branches add up; a place for one is refused to two", async () => {
  const sites = ["blocks.0.query"];
  const doubled: Adaptation = { name: "doubled", hooks: () => ({ linear: (_, __, y) => scale(y, 2) }) };
  const branch: Adaptation = {
    name: "branch",
    hooks: () => ({ beside: (half, block, tokens) => (half === "mlp" && block === 0 ? tokens : undefined) }),
  };
  const once = new AdaptedNetwork(context, [branch]);
  const twice = new AdaptedNetwork(context, [branch, { ...branch, name: "again" }, doubled]);
  const bare = new AdaptedNetwork(context);
  const [plain, one, two] = [
    await bare.features(images),
    await once.features(images),
    await twice.features(images),
  ];
  expect(largestDifference(one, plain)).toBeGreaterThan(1e-2);
  expect(largestDifference(two, one)).toBeGreaterThan(1e-2);
  const crowded = new AdaptedNetwork(context, [
    lowRank(backbone, { sites, rank: 2 }),
    promptTokens({ count: 2, width: 32 }),
    promptTokens({ count: 3, width: 32 }),
  ]);
  await expect(crowded.features(images)).rejects.toThrow("two adaptations want prompts for themselves");
  for (const each of [once, twice, bare]) await each.dispose();
});

test("a pooling of one's own gives features of its own width", async () => {
  const both: Adaptation = {
    name: "CLS and mean patch",
    width: 64,
    hooks: () => ({ pool: (tokens) => concat([meanOf(tokens, "before"), meanOf(tokens, "patches")], 1) }),
  };
  const network = new AdaptedNetwork(context, [both]);
  const bare = new AdaptedNetwork(context);
  const [wide, plain] = [await network.features(images), await bare.features(images)];
  expect([network.width, wide.length]).toEqual([64, 5 * 64]);
  const cls = Float32Array.from({ length: 5 * 32 }, (_, i) => wide[Math.floor(i / 32) * 64 + (i % 32)]!);
  expect(largestDifference(cls, plain)).toBeLessThan(1e-5);
  for (const each of [network, bare]) await each.dispose();
});

test("a term of the loss counts, and values that belong to the images at hand are fed", async () => {
  const added: Adaptation = {
    name: "fed",
    hooks: (values) => ({
      prompts: (block) => (block === 0 ? values("perImage", [4, 2, 32]) : undefined),
    }),
    feeds:
      async () =>
      ({ images: own }) => ({ perImage: random(`${own.data[0]}`, [4, 2, 32], 1) }),
    loss: (values) => values("penalty", []),
  };
  const network = new AdaptedNetwork(context, [added]);
  const objective = localCrossEntropy({ classes: [0, 1, 2, 3, 4], capacity: 8 });
  const batch = { ...images, labels: Int32Array.of(0, 1, 2, 3, 4) };
  const loss = async (penalty: number): Promise<number> => {
    const values = { ...rowsOf(8), penalty: tensor("float32", [], Float32Array.of(penalty)) };
    return (await network.gradients(batch, values, ["head.bias", "penalty"], objective)).loss;
  };
  // Two micro-batches: the term counts in each.
  expect((await loss(3)) - (await loss(0))).toBeCloseTo(6, 4);
  await network.dispose();
});

test("a label that is none of the task's classes is refused", async () => {
  const network = new AdaptedNetwork(context);
  const objective = localCrossEntropy({ classes: [0, 1, 2, 3], capacity: 4 });
  const batch = { ...images, labels: Int32Array.of(0, 1, 2, 3, 7) };
  const training = network.gradients(batch, rowsOf(4), ["head.bias"], objective);
  await expect(training).rejects.toThrow("label 7 is none of the task's classes (0, 1, 2, 3)");
  await network.dispose();
});
