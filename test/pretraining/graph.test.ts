import { expect, test } from "vitest";
import { weightFeeds } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { gradientOf, parameterShapes, pretrainingGraph } from "../../src/pretraining/graph.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { tinyBackbone } from "../support/tiny-backbone.ts";

const { config, weights } = tinyBackbone();
const PATCHES = 16;
const network = { config, classes: 4, teacherWidth: 6, microBatch: 3 };
const shapes = parameterShapes(network);
const rng = Rng.at("pretraining graph");

const random = (dims: readonly number[], deviation: number): Tensor<"float32"> =>
  tensor(
    "float32",
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => deviation * rng.normal()),
  );

/** Every parameter of the tiny network; the layers that a checkpoint lacks are random. */
const parameters = Object.fromEntries(
  Object.entries(shapes).map(([name, dims]) => [name, weights[name] ?? random(dims, 0.3)]),
);
const inputs = {
  images: tensor(
    "uint8",
    [3, 32, 32, 3],
    Uint8Array.from({ length: 3 * 32 * 32 * 3 }, () => rng.below(256)),
  ),
  targets: tensor("float32", [3, 4], Float32Array.of(0.2, 0.1, 0, 0, 0, 0.3, 0, 0, 0.1, 0.1, 0.1, 0.1)),
  teacher: random([3, 6], 1),
  imageWeight: tensor("float32", [3, 1], Float32Array.of(0.3, 0.3, 0.4)),
};

/** Patches `chosen[i]` of image i, as the graph wants them. */
function choice(chosen: readonly (readonly number[])[]): Tensor<"float32"> {
  const kept = chosen[0]!.length;
  const rows = new Float32Array(chosen.length * kept * PATCHES);
  for (const [image, patches] of chosen.entries()) {
    for (const [row, patch] of patches.entries()) rows[(image * kept + row) * PATCHES + patch] = 1;
  }
  return tensor("float32", [chosen.length, kept, PATCHES], rows);
}

async function results(kept: Tensor<"float32"> | null, changed: Record<string, Tensor<"float32">> = {}) {
  const graph = pretrainingGraph(network, { kept: kept?.dims[1] ?? null, featureWeight: 2 });
  const session = await nodeRuntime({ threads: 1 }).compile(graph);
  const feeds = weightFeeds({ ...parameters, ...changed });
  const result = await session.run({ ...inputs, ...feeds, ...(kept === null ? {} : { kept }) });
  await session.dispose();
  return result;
}

const number = (value: Tensor | undefined): number => float32Data(value!)[0]!;

test("all parameters of network, head and map have a shape", () => {
  expect(shapes).toMatchObject({
    position: [1, 17, 32],
    "blocks.1.fc1.weight": [64, 32],
    "head.weight": [4, 32],
    "teacherMap.bias": [6],
  });
  expect(Object.keys(parameterShapes({ ...network, teacherWidth: null }))).not.toContain("teacherMap.bias");
});

test("the order of kept patches doesn't matter, and keeping all is keeping none out", async () => {
  const all = await results(null);
  const shuffled = await results(choice([1, 2, 3].map(() => rng.shuffled([...Array(PATCHES).keys()]))));
  for (const name of ["crossEntropy", "featureError"]) {
    expect(number(shuffled[name])).toBeCloseTo(number(all[name]), 5);
  }
  for (const name of Object.keys(shapes)) {
    const [a, b] = [all, shuffled].map((result) => float32Data(result[gradientOf(name)]!)) as [
      Float32Array,
      Float32Array,
    ];
    const size = Math.hypot(...a);
    expect(Math.hypot(...a.map((value, i) => value - b[i]!)), name).toBeLessThan(1e-4 * size + 1e-6);
  }
});

test("with other patches kept in each image, gradients agree with differences along a random direction", async () => {
  const kept = choice([
    [0, 5, 6, 9, 15],
    [1, 2, 3, 4, 8],
    [7, 10, 11, 12, 14],
  ]);
  const base = await results(kept);
  const positions = float32Data(base[gradientOf("position")]!);
  expect(positions.subarray(14 * 32, 15 * 32)).toEqual(new Float32Array(32)); // patch 13 was in no image
  expect(Math.hypot(...positions.subarray(15 * 32, 16 * 32))).toBeGreaterThan(0); // patch 14 was
  for (const name of [
    "patch.weight",
    "position",
    "cls",
    "norm.weight",
    "blocks.0.norm1.bias",
    "teacherMap.weight",
  ]) {
    const { dims, data } = parameters[name]!;
    const gradient = float32Data(base[gradientOf(name)]!);
    const norm = Math.hypot(...gradient);
    const step = 3e-3;
    const loss = async (sign: number): Promise<number> => {
      const moved = data.map((value, i) => value + (sign * step * gradient[i]!) / norm);
      const result = await results(kept, { [name]: tensor("float32", dims, moved) });
      return number(result.crossEntropy) + 2 * number(result.featureError);
    };
    const slope = ((await loss(1)) - (await loss(-1))) / (2 * step);
    expect(Math.abs(slope / norm - 1), name).toBeLessThan(0.02);
  }
});
