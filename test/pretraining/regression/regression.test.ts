import { expect, test } from "vitest";
import type { Backbone } from "../../../src/nn/checkpoint.ts";
import type { VitConfig } from "../../../src/nn/vit.ts";
import { selectWeights } from "../../../src/nn/weight-selection.ts";
import { nodeRuntime } from "../../../src/node/runtime/runtime.ts";
import { regressHeads } from "../../../src/pretraining/regression/heads.ts";
import { regressWeights } from "../../../src/pretraining/regression/regression.ts";
import { initialParameters } from "../../../src/pretraining/weights.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { type Tensor, tensor, zeroTensor } from "../../../src/tensor/tensor.ts";
import { goldenNamed } from "../../node/backbones/folder.ts";
import { backboneOf, featuresOf } from "../../parity/networks.ts";
import { tinyBackbone } from "../../support/tiny-backbone.ts";

const runtime = nodeRuntime({ threads: 1 });
const BATCH = 8;

/** Images with structure: waves of random direction and color, so that patches are related. */
function waves(count: number, size: number, seed: number): Tensor<"uint8"> {
  const rng = Rng.at("waves", seed);
  const data = new Uint8Array(count * size * size * 3);
  for (let image = 0; image < count; image++) {
    const [x, y, phase] = [rng.normal(), rng.normal(), 6 * rng.normal()];
    const color = [rng.normal(), rng.normal(), rng.normal()];
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const wave = Math.sin((6 * (x * row + y * column)) / size + phase);
        for (let c = 0; c < 3; c++) {
          const at = ((image * size + row) * size + column) * 3 + c;
          data[at] = Math.max(0, Math.min(255, 128 + 50 * wave * color[c]! + 10 * rng.normal()));
        }
      }
    }
  }
  return tensor("uint8", [count, size, size, 3], data);
}

const batchesOf = (size: number, count: number, seed: number): Tensor<"uint8">[] =>
  Array.from({ length: count }, (_, i) => waves(BATCH, size, 100 * seed + i));

const featuresIn = async (backbone: Backbone, images: Tensor<"uint8">): Promise<Tensor<"float32">> =>
  (await featuresOf(backbone, images)) as Tensor<"float32">;

/** Mean squared error of the best linear map from a network's features to the teacher's, on images that it wasn't fitted to. */
async function featureError(
  teacher: Backbone,
  config: VitConfig,
  weights: Readonly<Record<string, Tensor<"float32">>>,
): Promise<number> {
  const width = teacher.config.hiddenSize;
  const seen = async (images: Tensor<"uint8">) => ({ images, features: await featuresIn(teacher, images) });
  const batches = await Promise.all(batchesOf(config.imageSize, 60, 1).map(seen));
  const head = { weight: zeroTensor([2, width]), bias: zeroTensor([2]) };
  const heads = await regressHeads(config, weights, head, batches, runtime);
  const [weight, bias] = [heads["teacherMap.weight"]!.data, heads["teacherMap.bias"]!.data];
  const [test] = batchesOf(config.imageSize, 1, 2);
  const wanted = await featuresIn(teacher, test!);
  const own = await featuresIn(
    { name: "student", preprocessing: teacher.preprocessing, config, weights },
    test!,
  );
  const d = config.hiddenSize;
  let error = 0;
  let spread = 0;
  for (let k = 0; k < width; k++) {
    const column = Array.from({ length: BATCH }, (_, row) => wanted.data[row * width + k]!);
    const mean = column.reduce((a, b) => a + b) / BATCH;
    for (const [row, value] of column.entries()) {
      let mapped = bias[k]!;
      for (let i = 0; i < d; i++) mapped += weight[k * d + i]! * own.data[row * d + i]!;
      error += (mapped - value) ** 2;
      spread += (value - mean) ** 2;
    }
  }
  return error / spread;
}

const regressed = (teacher: Backbone, student: VitConfig): Promise<Record<string, Tensor<"float32">>> => {
  const batches = batchesOf(student.imageSize, 60, 0).map((images) => ({ teacher: images, student: images }));
  return regressWeights(teacher, student, { batches, runtime });
};

test("a network of the teacher's own shape becomes the teacher in other coordinates, layer scales and pixel statistics included", async () => {
  const teacher = backboneOf(goldenNamed("dinov2"));
  const student = {
    ...teacher.config,
    layerScale: false,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.4, 0.3],
  } as const;
  expect(await featureError(teacher, student, await regressed(teacher, student))).toBeLessThan(0.002);
});

test("registers of the teacher are left out, and what comes nearest without them is found", async () => {
  const teacher = backboneOf(goldenNamed("dinov2 with registers"));
  const student = { ...teacher.config, layerScale: false, extraTokens: 0 };
  expect(await featureError(teacher, student, await regressed(teacher, student))).toBeLessThan(0.1);
});

test("a narrower network comes nearer to the teacher than one with selected or random weights", async () => {
  const teacher = tinyBackbone({ width: 48 });
  const student = { ...teacher.config, hiddenSize: 24, heads: 1, mlpSize: 48 };
  const ours = await regressed(teacher, student);
  const selected = selectWeights(teacher, student);
  const shapes = Object.fromEntries(Object.entries(ours).map(([name, { dims }]) => [name, dims]));
  expect(Object.fromEntries(Object.entries(selected).map(([name, { dims }]) => [name, dims]))).toEqual(
    shapes,
  );
  const random = initialParameters(shapes, {}, 1);
  const errors = [];
  for (const weights of [ours, selected, random]) errors.push(await featureError(teacher, student, weights));
  const [regression, selection, chance] = errors as [number, number, number];
  expect(regression).toBeLessThan(0.8 * selection);
  expect(regression).toBeLessThan(0.8 * chance);
});

test("the same images give the same weights, bit for bit", async () => {
  const teacher = tinyBackbone();
  const student = { ...teacher.config, hiddenSize: 16, heads: 1, mlpSize: 24, layers: 1 };
  expect(await regressed(teacher, student)).toEqual(await regressed(teacher, student));
});

test("no layer that writes to the residual stream has smaller numbers than those that read it", async () => {
  const teacher = tinyBackbone();
  const weights = await regressed(teacher, { ...teacher.config, hiddenSize: 16, heads: 1, mlpSize: 24 });
  const size = (name: string): number => {
    const { data } = weights[`${name}.weight`]!;
    return Math.sqrt(data.reduce((sum, value) => sum + value ** 2, 0) / data.length);
  };
  const all = (names: readonly string[]) =>
    [0, 1].flatMap((block) => names.map((name) => size(`blocks.${block}.${name}`)));
  const readers = all(["query", "key", "value", "fc1"]);
  expect(Math.min(...all(["output", "fc2"]))).toBeCloseTo(
    readers.reduce((a, b) => a + b) / readers.length,
    4,
  );
});

test("a teacher that doesn't fit is refused in one line", async () => {
  const teacher = tinyBackbone(); // 32 wide, 2 heads
  const narrow = { ...teacher.config, hiddenSize: 16, heads: 2 };
  await expect(regressed(teacher, narrow)).rejects.toThrow(
    /^tiny: its heads are 16 wide, the new network's 8; choose `width` and `heads` for the same, or `start: "selection"`$/,
  );
  await expect(regressed(teacher, { ...teacher.config, layers: 3 })).rejects.toThrow(
    /^tiny: its layers is 2/,
  );
});
