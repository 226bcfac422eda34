import { expect, test } from "vitest";
import { backward } from "../../src/autodiff/backward.ts";
import { graph, topologicalOrder } from "../../src/graph/graph.ts";
import { constant, input, type Value } from "../../src/graph/value.ts";
import { FLOAT32, int8Precision, type Precision } from "../../src/nn/precision.ts";
import { quantizedMatrices, weightFeeds, weightInputs } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { mul, reduceSum } from "../../src/ops/index.ts";
import type { Tensors } from "../../src/runtime/runtime.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { float32Data, sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { formulaImages } from "../parity/formula.ts";
import { largestDifference } from "../parity/networks.ts";
import type { PlainWeights } from "../support/plain-vit.ts";
import { HOOK_CASES, type HookCase, IMAGES, TINY } from "./hook-cases.ts";

const runtime = nodeRuntime({ threads: 1 });
const IMAGE_VALUES = formulaImages(IMAGES, TINY.config.imageSize);
const INT8 = int8Precision({ layers: TINY.config.layers });

function random(name: string, dims: readonly number[], center = 0, deviation = 0.5): Tensor<"float32"> {
  const rng = Rng.at("hooks", name);
  const draw = (): number => center + deviation * rng.normal();
  return tensor("float32", dims, Float32Array.from({ length: sizeOf(dims) }, draw));
}

/** Values of what a case adds; what stands for a frozen weight is near it. */
const ownValues = ({ name: use, own }: HookCase): Record<string, Tensor<"float32">> =>
  Object.fromEntries(
    Object.entries(own).map(([name, dims]) => {
      const frozen = TINY.weights[name];
      const change = random(`${use} ${name}`, dims, 0, frozen === undefined ? 0.5 : 0.05);
      return [
        name,
        tensor(
          "float32",
          dims,
          change.data.map((x, i) => x + (frozen?.data[i] ?? 0)),
        ),
      ];
    }),
  );

/** Features, and the gradient of Σ features ∘ projection with respect to everything that the case adds. */
async function byGraph(use: HookCase, precision: Precision = FLOAT32) {
  const own = Object.fromEntries(
    Object.entries(use.own).map(([name, dims]) => [name, input(name, "float32", dims)]),
  );
  const features = use.graph({
    frozen: weightInputs(precision, quantizedMatrices(TINY.weights, precision)),
    images: input("images", "uint8", IMAGE_VALUES.dims),
    own,
  });
  const projection = random("projection", features.dims);
  const gradients = backward(reduceSum(mul(features, constant(projection))), Object.values(own));
  const outputs: Record<string, Value> = { features };
  for (const [i, name] of Object.keys(own).entries()) outputs[`d ${name}`] = gradients[i]!;
  const results = await run(outputs, { ...weightFeeds(TINY.weights, FLOAT32), ...ownValues(use) });
  const products = topologicalOrder([features]).filter(({ op }) => op.type === "MatMulIntegerToFloat");
  return { results, projection: Array.from(projection.data), products: products.length };
}

async function run(outputs: Readonly<Record<string, Value>>, feeds: Tensors): Promise<Tensors> {
  const session = await runtime.compile(graph(outputs));
  const results = await session.run({ images: IMAGE_VALUES, ...feeds });
  await session.dispose();
  return results;
}

const FROZEN: PlainWeights = Object.fromEntries(
  Object.entries(TINY.weights).map(([name, { data }]) => [name, Array.from(data)]),
);

/** Features of all images. */
function byNumbers(use: HookCase, own: Readonly<Record<string, readonly number[]>>): number[] {
  const length = sizeOf(IMAGE_VALUES.dims) / IMAGES;
  return Array.from({ length: IMAGES }, (_, index) => {
    const image = IMAGE_VALUES.data.subarray(index * length, (index + 1) * length);
    return use.plain({ frozen: FROZEN, image, index, own });
  }).flat();
}

test.each(HOOK_CASES)("$name: features equal those in plain numbers", async (use) => {
  const { results } = await byGraph(use);
  const values = Object.entries(ownValues(use)).map(([name, { data }]) => [name, Array.from(data)] as const);
  const expected = byNumbers(use, Object.fromEntries(values));
  expect(largestDifference(float32Data(results.features!), expected)).toBeLessThan(2e-5);
  // It does something: without it, features are others.
  const without = values.map(([name, data]) => [
    name,
    Array.from(TINY.weights[name]?.data ?? data.map((x, i) => x + Number(i % 2))),
  ]);
  expect(largestDifference(byNumbers(use, Object.fromEntries(without)), expected)).toBeGreaterThan(1e-2);
});

test.each(HOOK_CASES)("$name: gradients equal differences of plain numbers", async (use) => {
  const { results, projection } = await byGraph(use);
  const values = Object.fromEntries(
    Object.entries(ownValues(use)).map(([name, { data }]) => [name, Array.from(data)]),
  );
  for (const [name, value] of Object.entries(values)) {
    const direction = Array.from(random(`direction ${name}`, [value.length], 0, 1).data);
    const lossAt = (t: number): number => {
      const moved = value.map((x, i) => x + t * direction[i]!);
      const features = byNumbers(use, { ...values, [name]: moved });
      return features.reduce((sum, x, i) => sum + x * projection[i]!, 0);
    };
    const numeric = (lossAt(1e-5) - lossAt(-1e-5)) / 2e-5;
    const gradient = float32Data(results[`d ${name}`]!);
    const analytic = gradient.reduce((sum, x, i) => sum + x * direction[i]!, 0);
    const size = Math.hypot(...gradient);
    expect(size, `gradient of ${name}`).toBeGreaterThan(1e-4);
    expect(Math.abs(analytic - numeric) / size, `gradient of ${name}`).toBeLessThan(5e-5);
  }
});

test.each(HOOK_CASES)(
  "$name: with frozen products in 8 bits, features and gradients stay near",
  async (use) => {
    const [exact, rounded] = [await byGraph(use), await byGraph(use, INT8)];
    expect(exact.products).toBe(0);
    expect(rounded.products).toBeGreaterThan(0);
    for (const [name, { data }] of Object.entries(exact.results)) {
      const [a, b] = [
        Array.from(data as Float32Array),
        Array.from(rounded.results[name]!.data as Float32Array),
      ];
      const error = Math.hypot(...a.map((x, i) => x - b[i]!)) / Math.hypot(...a);
      expect(error, name).toBeLessThan(0.1);
    }
  },
);
