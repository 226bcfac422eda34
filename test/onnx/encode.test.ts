import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { graph } from "../../src/graph/graph.ts";
import { constant, input } from "../../src/graph/value.ts";
import type { VitConfig } from "../../src/nn/vit.ts";
import { encodeOnnx } from "../../src/onnx/encode.ts";
import { graphText } from "../../src/onnx/text.ts";
import * as ops from "../../src/ops/index.ts";
import { loraStep } from "../support/lora-step.ts";
import { ModelProtoSchema } from "./generated/onnx_pb.ts";

const TINY: VitConfig = {
  imageSize: 8,
  patchSize: 4,
  hiddenSize: 6,
  mlpSize: 12,
  layers: 1,
  heads: 2,
  layerNormEpsilon: 1e-6,
  layerScale: true,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};
const SMALL: VitConfig = {
  ...TINY,
  imageSize: 224,
  patchSize: 16,
  hiddenSize: 384,
  mlpSize: 1536,
  layers: 12,
  heads: 6,
};

/** A two-layer network with a scaled product, a reduction and a constant. */
function network() {
  const x = input("x", "float32", [2, 4]);
  const hidden = ops.gelu(ops.matmul(x, input("fc1", "float32", [3, 4]), { transposeB: true, alpha: 0.5 }));
  const normed = ops.layerNorm(
    hidden,
    input("norm.weight", "float32", [3]),
    input("norm.bias", "float32", [3]),
    1e-6,
  );
  return graph({ y: ops.reduceMean(ops.scale(normed, 3), { axes: [-1] }), hidden });
}

test("a network as text", () => {
  expect(graphText(network())).toMatchInlineSnapshot(`
    "input x: f32[2,4]
    input fc1: f32[3,4]
    input norm.weight: f32[3]
    input norm.bias: f32[3]
    %0: f32[2,3] = FusedMatMul(x, fc1) {"transposeA":false,"transposeB":true,"alpha":0.5}
    %1: f32[2,3] = Gelu(%0)
    %2: f32[2,3], %3: f32[2,1], %4: f32[2,1] = LayerNormalization(%1, norm.weight, norm.bias) {"epsilon":0.000001}
    %5: f32[2,3] = Mul(%2, 3)
    %6: f32[2] = ReduceMean(%5) {"axes":[1],"keepDims":false}
    output y = %6
    output hidden = %1
    "
  `);
});

test("the model has the graph's inputs and outputs under their names, and equal graphs give equal bytes", () => {
  const bytes = encodeOnnx(network());
  const model = fromBinary(ModelProtoSchema, bytes);
  expect(model.graph!.input.map(({ name }) => name)).toEqual(["x", "fc1", "norm.weight", "norm.bias"]);
  expect(model.graph!.output.map(({ name }) => name)).toEqual(["y", "hidden"]);
  expect([model.irVersion, model.opsetImport.map(({ domain, version }) => [domain, version])]).toEqual([
    10n,
    [
      ["", 21n],
      ["com.microsoft", 1n],
    ],
  ]);
  expect(encodeOnnx(network())).toEqual(bytes);
});

test("weights are inputs: the model of a ViT-S training step is structure alone", () => {
  const step = loraStep({ config: SMALL, batch: 4, rank: 8, classes: 100 });
  const bytes = encodeOnnx(step);
  expect(bytes.length).toBeLessThan(1_000_000);
  const { initializer } = fromBinary(ModelProtoSchema, bytes).graph!;
  expect(Math.max(...initializer.map(({ rawData }) => rawData.length))).toBeLessThanOrEqual(16 * 16 * 3 * 4); // pixel statistics of a patch
  expect([...step.inputs.keys()].filter((name) => name.startsWith("backbone/")).length).toBeGreaterThan(190);
});

test("a constant may lie outside of the model", () => {
  const x = input("x", "float32", [2, 2]);
  const matrix = { dtype: "float32", dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) } as const;
  const places = [{ file: "constants", offset: 64 }];
  const model = fromBinary(
    ModelProtoSchema,
    encodeOnnx(graph({ y: ops.matmul(x, constant(matrix)) }), () => places.shift()),
  );
  const [only] = model.graph!.initializer;
  expect(only!.rawData.length).toBe(0);
  expect(only!.externalData.map(({ key, value }) => [key, value])).toEqual([
    ["location", "constants"],
    ["offset", "64"],
    ["length", "16"],
  ]);
});

const python = process.env.FMLORA_PYTHON;
if (python === undefined) {
  const shared = existsSync(fileURLToPath(new URL("../../../shared", import.meta.url)));
  if (process.env.CI === "true" && shared)
    throw new Error(
      "FMLORA_PYTHON is unset, so the onnx checker can't run; ../shared/tools/torch-env makes it",
    );
  console.warn(
    "SKIPPED: the onnx checker, because FMLORA_PYTHON is unset; ../shared/tools/torch-env makes it",
  );
}

test.skipIf(python === undefined)("the onnx checker and its shape inference accept a training step", () => {
  const script =
    "import sys, onnx; m = onnx.load_from_string(sys.stdin.buffer.read()); onnx.checker.check_model(m, full_check=True); print(len(m.graph.node))";
  const step = loraStep({ config: TINY, batch: 2, rank: 2, classes: 3 });
  const nodes = execFileSync(python!, ["-c", script], { input: encodeOnnx(step), encoding: "utf8" });
  expect(Number(nodes)).toBe(step.nodes.length + Object.keys(step.outputs).length); // an Identity names each output
});
