import { expect, test } from "vitest";
import { graph } from "../../src/graph/graph.ts";
import { input, type Value } from "../../src/graph/value.ts";
import { cosines, l2Normalize } from "../../src/nn/cosine.ts";
import { embed } from "../../src/nn/embedding.ts";
import { int8Precision } from "../../src/nn/precision.ts";
import { clsOf, meanOf, type Tokens, tokensFrom } from "../../src/nn/tokens.ts";
import { featuresFrom, runBlocks, vitFeatures } from "../../src/nn/vit.ts";
import { weightFeeds, weightInputs, withOwnWeights } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import type { Tensors } from "../../src/runtime/runtime.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { goldenNamed } from "../node/backbones/folder.ts";
import { formulaImages } from "../parity/formula.ts";
import { backboneOf, largestDifference } from "../parity/networks.ts";
import { IMAGES, TINY } from "./hook-cases.ts";

const { config, weights } = TINY;
const runtime = nodeRuntime({ threads: 1 });
const IMAGE_VALUES = formulaImages(IMAGES, config.imageSize);
const images = (): Value => input("images", "uint8", IMAGE_VALUES.dims);

async function run(
  outputs: Readonly<Record<string, Value>>,
  feeds: Tensors,
  frozen = weights,
): Promise<Record<string, Tensor>> {
  const session = await runtime.compile(graph(outputs));
  const results = await session.run({ ...weightFeeds(frozen), ...feeds });
  await session.dispose();
  return results;
}
const data = (value: Tensor | undefined): Float32Array => value!.data as Float32Array;

test("a graph that starts from another's tokens, prompts among them, ends in the same features", async () => {
  const prompts = input("prompts", "float32", [2, config.hiddenSize]);
  const hooks = { prompts: (block: number) => (block === 0 ? prompts : undefined) };
  const feeds = {
    images: IMAGE_VALUES,
    prompts: tensor("float32", prompts.dims, weights.position!.data.slice(0, 2 * config.hiddenSize)),
  };
  const first = weightInputs();
  const cached = runBlocks(config, first, tokensFrom(config, embed(config, first, images())), hooks, {
    to: 2,
  });
  expect([cached.before, cached.patches, cached.prompts]).toEqual([1, 4, 2]);
  const whole = vitFeatures(config, first, images(), hooks);
  const seen = await run({ tokens: cached.values }, feeds);
  const { features } = await run({ features: whole }, feeds);

  const values = input("tokens", "float32", cached.values.dims);
  const rest = featuresFrom(config, weightInputs(), tokensFrom(config, values, 2), hooks, { from: 2 });
  const fed = await run({ rest }, { tokens: seen.tokens! });
  expect([...graph({ rest }).inputs.keys()]).not.toContain("images");
  expect(largestDifference(data(fed.rest), data(features))).toBeLessThan(1e-6);
});

test("what is cached at the last block is only pooled", () => {
  const values = input("tokens", "float32", [IMAGES, 5, config.hiddenSize]);
  const features = featuresFrom(config, weightInputs(), tokensFrom(config, values), {}, { from: 3 });
  expect(graph({ features }).nodes.map(({ op }) => op.type)).toEqual([
    "Slice",
    "Reshape",
    "LayerNormalization",
  ]);
});

test("after the last block there is CLS alone, and all tokens where something is pooled of them", () => {
  const counts: number[] = [];
  const branches: number[] = [];
  const hooks = {
    observe: (_: number, { values }: Tokens) => void counts.push(values.dims[1]!),
    beside: (half: string, _: number, tokens: Value) => {
      if (half === "attention") branches.push(tokens.dims[1]!);
      return undefined;
    },
  };
  vitFeatures(config, weightInputs(), images(), hooks);
  vitFeatures(config, weightInputs(), images(), { ...hooks, pool: clsOf });
  vitFeatures(config, weightInputs(), images(), hooks, { to: 1 });
  expect(counts).toEqual([5, 5, 1, 5, 5, 5, 1]);
  expect(branches).toEqual(counts);
});

test.each([
  ["dinov2 with registers", 5],
  ["siglip", 0],
])("the patches of %s are those after the first %i tokens", async (name, before) => {
  const backbone = backboneOf(goldenNamed(name));
  const size = backbone.config.imageSize;
  let final: Tokens | undefined;
  const features = vitFeatures(
    backbone.config,
    weightInputs(),
    input("images", "uint8", [2, size, size, 3]),
    {
      pool(tokens) {
        final = tokens;
        return meanOf(tokens, "patches");
      },
    },
  );
  const feeds = { images: formulaImages(2, size) };
  const results = await run({ features, all: final!.values }, feeds, backbone.weights);
  expect(final!.before).toBe(before);
  const [count, width] = final!.values.dims.slice(1) as [number, number];
  const mean = new Float64Array(width);
  for (let i = before * width; i < count * width; i++)
    mean[i % width]! += data(results.all)[i]! / (count - before);
  expect(largestDifference(data(results.features).subarray(0, width), mean)).toBeLessThan(1e-5);
});

test("patches that are left out are not counted", () => {
  const seen: Tokens[] = [];
  vitFeatures(config, weightInputs(), images(), {
    kept: input("kept", "float32", [IMAGES, 3, 4]),
    observe: (_, tokens) => void seen.push(tokens),
    pool: clsOf,
  });
  expect(seen.map(({ before, patches, prompts }) => [before, patches, prompts])).toEqual([
    [1, 3, 0],
    [1, 3, 0],
    [1, 3, 0],
  ]);
});

test("a layer with a matrix of its own is in float32, one with a bias of its own in its precision", () => {
  const own = new Map(
    ["blocks.0.query.weight", "blocks.1.key.bias", "norm.weight"].map((name) => [
      name,
      input(name, "float32", weights[name]!.dims),
    ]),
  );
  const frozen = () => weightInputs(int8Precision({ layers: config.layers }));
  const inEightBits = (features: Value): number =>
    graph({ features }).nodes.filter(({ op }) => op.type === "MatMulIntegerToFloat").length;
  const all = inEightBits(vitFeatures(config, frozen(), images()));
  const features = vitFeatures(
    config,
    withOwnWeights(frozen(), (name) => own.get(name)),
    images(),
  );
  expect(inEightBits(features)).toBe(all - 1);
  const inputs = [...graph({ features }).inputs.keys()];
  for (const name of own.keys()) {
    expect(inputs).toContain(name);
    expect(inputs).not.toContain(`backbone/${name}`);
  }
  expect(inputs).toContain("backbone/blocks.0.query.bias");
});

test("what doesn't fit is said in one line", () => {
  const narrow = input("w", "float32", [2, 2]);
  const own = withOwnWeights(weightInputs(), () => narrow);
  expect(() => own("norm.weight", [16])).toThrow(
    "weights: the own value of norm.weight is f32[2,2]; it must be f32[16]",
  );
  const values = input("tokens", "float32", [IMAGES, 5, 16]);
  const tokens = tokensFrom(config, values);
  expect(() => tokensFrom(config, narrow)).toThrow(
    "tokens: f32[2,2] are no tokens of this network; pass [images, 1 + patches + 0, 16]",
  );
  expect(() => meanOf(tokens, "prompts")).toThrow(/^tokens: there are no prompts among 1 before/);
  expect(() => clsOf({ ...tokens, before: 0, patches: 5 })).toThrow("there is no CLS token");
  expect(() => featuresFrom(config, weightInputs(), tokens, {}, { from: 2, to: 4 })).toThrow(
    "vit: there are no blocks 2 to 4 in 3; choose 0 <= from <= to <= 3",
  );
});

test("cosines are between -1 and 1, and those of zeros are 0", async () => {
  const rows = input("rows", "float32", [3, 2]);
  const feeds = { rows: tensor("float32", [3, 2], Float32Array.of(3, 4, -6, -8, 0, 0)) };
  const found = await run({ unit: l2Normalize(rows), cosines: cosines(rows, rows) }, feeds);
  expect(Array.from(data(found.unit), (x) => Math.round(x * 1e6) / 1e6)).toEqual([
    0.6, 0.8, -0.6, -0.8, 0, 0,
  ]);
  expect(Array.from(data(found.cosines), (x) => Math.round(x * 1e6) / 1e6 + 0)).toEqual([
    1, -1, 0, -1, 1, 0, 0, 0, 0,
  ]);
});
