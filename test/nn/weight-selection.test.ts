import { expect, test } from "vitest";
import { graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import { vitFeatures } from "../../src/nn/vit.ts";
import { selectWeights } from "../../src/nn/weight-selection.ts";
import { weightFeeds, weightInputs } from "../../src/nn/weights.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { expectComplaint, goldenNamed } from "../node/backbones/folder.ts";
import { formulaImages } from "../parity/formula.ts";
import { backboneOf, featuresOf, largestDifference } from "../parity/networks.ts";
import { tinyBackbone } from "../support/tiny-backbone.ts";

const teacher = tinyBackbone(); // 32 wide, 2 heads, 2 blocks, 64 hidden, patch 8
const { config } = teacher;

test("a network of the teacher's own shape becomes the teacher, with its layer scales and other pixel statistics folded in", async () => {
  const scaled = backboneOf(goldenNamed("dinov2"));
  const student = {
    ...scaled.config,
    layerScale: false,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.4, 0.3],
  } as const;
  const images = formulaImages(2, student.imageSize);
  const expected = await featuresOf(scaled, images);
  const features = vitFeatures(student, weightInputs(), input("images", "uint8", images.dims));
  const session = await nodeRuntime({ threads: 1 }).compile(graph({ features }));
  const result = await session.run({ images, ...weightFeeds(selectWeights(scaled, student)) });
  await session.dispose();
  const [ours, theirs] = [result.features!, expected].map(({ data }) => data as Float32Array);
  expect(largestDifference(ours!, theirs!)).toBeLessThan(2e-4);
});

test("a narrower one has every second channel and hidden unit, whole heads, and the first blocks", () => {
  const student = { ...config, hiddenSize: 16, mlpSize: 32, layers: 1, heads: 1 };
  const selected = selectWeights(teacher, student);
  const from = (name: string): Tensor<"float32"> => teacher.weights[name]!;
  const at = ({ dims, data }: Tensor<"float32">, row: number, column: number): number =>
    data[row * dims.at(-1)! + column]!;
  expect(Object.keys(selected).filter((name) => name.startsWith("blocks.1"))).toEqual([]);
  expect(selected["blocks.0.query.weight"]!.dims).toEqual([16, 16]);
  expect(at(selected["blocks.0.query.weight"]!, 3, 5)).toBe(at(from("blocks.0.query.weight"), 3, 10));
  expect(at(selected["blocks.0.output.weight"]!, 3, 5)).toBe(at(from("blocks.0.output.weight"), 6, 5));
  expect(at(selected["blocks.0.fc1.weight"]!, 7, 2)).toBe(at(from("blocks.0.fc1.weight"), 14, 4));
  expect(at(selected["blocks.0.fc2.weight"]!, 7, 2)).toBe(at(from("blocks.0.fc2.weight"), 14, 4));
  expect(selected["blocks.0.fc1.bias"]!.data[31]).toBe(from("blocks.0.fc1.bias").data[62]);
  expect(selected["norm.bias"]!.data[9]).toBe(from("norm.bias").data[18]);
  expect(selected.position!.dims).toEqual([1, 17, 16]);
  expect(selected.position!.data[16 * 16 + 15]).toBe(from("position").data[16 * 32 + 30]);
});

test("a smaller patch sees flat images as the larger one, where the kernels are flat", () => {
  const flat = teacher.weights["patch.weight"]!.data.map(
    (_, i) => 0.01 * ((i % 3) + 1) + 1e-3 * Math.floor(i / 192),
  );
  const weights = { ...teacher.weights, "patch.weight": tensor("float32", [32, 192], flat) };
  const selected = selectWeights({ ...teacher, weights }, { ...config, imageSize: 16, patchSize: 4 });
  expect(selected["patch.weight"]!.dims).toEqual([32, 48]);
  const answer = (of: Readonly<Record<string, Tensor<"float32">>>, row: number): number => {
    const { dims, data } = of["patch.weight"]!;
    const own = data.subarray(row * dims[1]!, (row + 1) * dims[1]!);
    return own.reduce((sum, value) => sum + 0.7 * value, of["patch.bias"]!.data[row]!);
  };
  for (const row of [0, 7, 31]) expect(answer(selected, row)).toBeCloseTo(answer(weights, row), 4);
});

test("a teacher that is smaller or of another kind is refused in one line", () => {
  expectComplaint(
    () => selectWeights(teacher, { ...config, hiddenSize: 64, mlpSize: 64 }),
    "tiny: its hiddenSize is 32",
  );
  expectComplaint(
    () => selectWeights(teacher, { ...config, layers: 3 }),
    "its layers is 2, the new network's 3",
  );
  expectComplaint(() => selectWeights(teacher, { ...config, heads: 1 }), "heads are 16 wide");
  const gated = { ...teacher, config: { ...config, gatedMlp: true } };
  expectComplaint(() => selectWeights(gated, config), "GELU and a plain MLP only");
});
