/** @file What holds features back while a network trains: its value, its gradients, and where it starts. */
import { describe, expect, test } from "vitest";
import { AdaptedNetwork } from "../../src/network/adapted-network.ts";
import { distilled } from "../../src/network/distillation.ts";
import type { Features } from "../../src/network/features.ts";
import { lowRank } from "../../src/network/low-rank.ts";
import { localCosineCrossEntropy, localCrossEntropy } from "../../src/network/objective.ts";
import { backboneFrom } from "../../src/nn/checkpoint-files.ts";
import { int8Precision } from "../../src/nn/precision.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { filledTensor, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { goldenNamed, storedTensors } from "../node/backbones/folder.ts";
import { patternBatch } from "../support/one-task.ts";
import { testContext } from "../support/run-method.ts";

const D = 32;
const RANK = 4;
const WEIGHT = 3;
const context = testContext();
const { backbone } = context;
const sites = ["blocks.0.value", "blocks.1.query"];
const batch = patternBatch([0, 1, 2, 3, 4]); // one more than a run has images: the second is filled up
const local = { classes: [0, 1, 2, 3, 4], capacity: 8 };

const drawn = (name: string, dims: readonly number[], size: number): Tensor<"float32"> => {
  const rng = Rng.at("distillation", name);
  const length = dims.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    dims,
    Float32Array.from({ length }, () => size * rng.normal()),
  );
};
const pairs = (name: string): Record<string, Tensor> =>
  Object.fromEntries(
    sites.flatMap((site) => [
      [`${site}.a`, drawn(`${name} a ${site}`, [RANK, D], 0.5)],
      [`${site}.b`, drawn(`${name} b ${site}`, [D, RANK], 0.5)],
    ]),
  );
const [before, after] = [pairs("before"), pairs("after")];
const networkOf = (features: Features): AdaptedNetwork =>
  new AdaptedNetwork({ ...context, features }, [lowRank(backbone, { sites, rank: RANK })]);

/** CLS and mean patch of the batch's images, by a network of its own. [5, 2 d] */
async function compared(values: Record<string, Tensor>): Promise<Float32Array> {
  const network = networkOf("cls+mean");
  network.merge(values);
  const features = await network.features(batch);
  await network.dispose();
  return features;
}

/** Mean squared difference. */
async function distance(): Promise<number> {
  const [old, now] = [await compared(before), await compared(after)];
  return now.reduce((sum, value, i) => sum + (value - old[i]!) ** 2, 0) / now.length;
}

describe.each(["cls", "cls+mean", "cls+mean+previous"] as const)("features %s", (features) => {
  const network = networkOf(features);
  const linear = {
    plain: localCrossEntropy(local),
    rows: {
      "head.weight": drawn("rows", [8, network.width], 0.3),
      "head.bias": drawn("biases", [8], 0.3),
    },
  };
  const cosine = {
    plain: localCosineCrossEntropy(local),
    rows: { "head.weight": drawn("rows", [8, network.width], 0.3), "head.scale": filledTensor([], 20) },
  };

  test("adds the weighted mean squared change of CLS and mean patch, whatever the features are", async () => {
    const values = { ...after, ...linear.rows };
    const trained = ["head.weight"];
    const { loss } = await network.gradients(batch, values, trained, linear.plain);
    const both = distilled(linear.plain, network, { weight: WEIGHT, before });
    const { loss: more } = await network.gradients(batch, values, trained, both);
    const term = WEIGHT * (await distance());
    expect(term).toBeGreaterThan(0.05);
    expect(more - loss).toBeCloseTo(term, 4);
    await network.dispose();
  });

  test.each([
    ["linear", linear],
    ["cosine", cosine],
  ] as const)("with %s rows it has the gradients of finite differences", async (_, { plain, rows }) => {
    const objective = distilled(plain, network, { weight: WEIGHT, before });
    const trained = [...Object.keys(after), "head.weight"];
    const start: Record<string, Tensor> = { ...after, ...rows };
    const { gradients } = await network.gradients(batch, start, trained, objective);
    for (const name of trained) {
      const { dims, data } = start[name]!;
      const direction = drawn(`direction ${name}`, dims, 1).data;
      const lossAt = async (step: number): Promise<number> => {
        const moved = (data as Float32Array).map((value, i) => value + step * direction[i]!);
        const values = { ...start, [name]: tensor("float32", dims, moved) };
        return (await network.gradients(batch, values, trained, objective)).loss;
      };
      const step = 1e-3;
      const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
      const exact = gradients[name]!.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      expect(Math.abs(exact - numeric), name).toBeLessThan(2e-2 * Math.abs(exact) + 2e-3);
    }
    await network.dispose();
  });
});

test("features of a learned query are compared as they are", async () => {
  const { config: json, preprocessor, ...golden } = goldenNamed("siglip");
  const weights = encodeSafetensors(storedTensors({ config: json, ...golden }));
  const files = {
    json,
    preprocessor: () => [preprocessor!, "preprocessor"] as const,
    weights,
    folder: "siglip",
  };
  const queried = backboneFrom(files, { name: "siglip" });
  const { hiddenSize: width, imageSize } = queried.config;
  const network = new AdaptedNetwork({ ...context, backbone: queried }, [
    lowRank(queried, { sites, rank: RANK }),
  ]);
  const values = (name: string): Record<string, Tensor> =>
    Object.fromEntries(
      sites.flatMap((site) => [
        [`${site}.a`, drawn(`${name} a ${site}`, [RANK, width], 0.5)],
        [`${site}.b`, drawn(`${name} b ${site}`, [width, RANK], 0.5)],
      ]),
    );
  const labels = Int32Array.of(0, 1, 2);
  const images = Uint8Array.from({ length: 3 * 3 * imageSize ** 2 }, (_, i) => (i * 37) % 256);
  const few = { images, labels, count: 3 };
  const rows = { "head.weight": drawn("rows", [8, width], 0.3), "head.bias": drawn("biases", [8], 0.3) };
  const plain = localCrossEntropy({ classes: [0, 1, 2], capacity: 8 });
  const both = distilled(plain, network, { weight: WEIGHT, before: values("before") });
  const now = { ...values("after"), ...rows };
  const losses: number[] = [];
  for (const objective of [plain, both])
    losses.push((await network.gradients(few, now, ["head.weight"], objective)).loss);
  const features: Float32Array[] = [];
  for (const name of ["before", "after"]) {
    network.merge(values(name));
    features.push(await network.features(few));
  }
  const gap = features[1]!.reduce((sum, value, i) => sum + (value - features[0]![i]!) ** 2, 0);
  const term = (WEIGHT * gap) / features[0]!.length;
  expect(term).toBeGreaterThan(0.01);
  expect(losses[1]! - losses[0]!).toBeCloseTo(term, 4);
  await network.dispose();
});

test("where training starts it is nothing, in 8 bits as well", async () => {
  for (const precision of [undefined, int8Precision({ layers: 2, largestWeight: 63 })]) {
    const own = precision === undefined ? context : { ...context, precision };
    const network = new AdaptedNetwork(own, [lowRank(backbone, { sites, rank: RANK })]);
    const rows = { "head.weight": drawn("rows", [8, D], 0.3), "head.bias": drawn("biases", [8], 0.3) };
    const losses: number[] = [];
    for (const weight of [1, 1000]) {
      const objective = distilled(localCrossEntropy(local), network, { weight, before });
      const values = { ...before, ...rows };
      losses.push((await network.gradients(batch, values, ["head.weight"], objective)).loss);
    }
    expect(losses[1]).toBeCloseTo(losses[0]!, 5);
    await network.dispose();
  }
});
