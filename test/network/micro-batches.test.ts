import { expect, test } from "vitest";
import { weightFeeds } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../../src/tensor/tensor.ts";
import { formulaImages, formulaWeight } from "../parity/formula.ts";
import { backboneOf, GOLDENS, largestDifference } from "../parity/networks.ts";
import { loraStep, trainedShapes } from "../support/lora-step.ts";

const IMAGES = 4;
const CLASSES = 5;

test.each([
  ["vit", 2],
  ["vit", 1],
  ["dinov2", 2],
])("gradients of a %s over a batch of 4 are the sum over micro-batches of %i", async (name, micro) => {
  const { config, weights } = backboneOf(GOLDENS.find((golden) => golden.name === name)!);
  const shapes = trainedShapes({ config, rank: 2, classes: CLASSES });
  const fixed = {
    ...weightFeeds(weights),
    ...Object.fromEntries(Object.entries(shapes).map(([name, dims]) => [name, formulaWeight(name, dims)])),
  };
  const images = formulaImages(IMAGES, config.imageSize);
  const targets = zeroTensor([IMAGES, CLASSES]);
  for (let row = 0; row < IMAGES; row++) targets.data[row * CLASSES + row] = 1 / IMAGES;

  /** Loss and gradients summed over runs of `batch` images. */
  const sums = async (batch: number): Promise<Record<string, Float32Array>> => {
    const step = loraStep({ config, batch, rank: 2, classes: CLASSES });
    const session = await nodeRuntime({ threads: 1 }).compile(step);
    const totals: Record<string, Float32Array> = {};
    for (let start = 0; start < IMAGES; start += batch) {
      const results = await session.run({
        ...fixed,
        images: rows(images, start, batch),
        targets: rows(targets, start, batch),
      });
      for (const [output, value] of Object.entries(results)) {
        const total = totals[output];
        totals[output] = float32Data(value).map((x, i) => x + (total?.[i] ?? 0));
      }
    }
    await session.dispose();
    return totals;
  };

  const [whole, parts] = [await sums(IMAGES), await sums(micro)];
  expect(Object.keys(whole)).toEqual(["loss", ...Object.keys(shapes).map((name) => `d ${name}`)]);
  for (const [output, expected] of Object.entries(whole)) {
    const size = largestDifference(expected, new Float32Array(expected.length));
    expect(size, output).toBeGreaterThan(0);
    expect(largestDifference(parts[output]!, expected) / size, output).toBeLessThan(1e-5);
  }
});

/** Rows start to start + count of the first axis. */
function rows(value: Tensor<"uint8"> | Tensor<"float32">, start: number, count: number): Tensor {
  const width = value.data.length / value.dims[0]!;
  const data = value.data.subarray(start * width, (start + count) * width);
  return tensor(value.dtype, value.dims.with(0, count), data);
}
