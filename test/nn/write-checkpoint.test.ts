import { expect, test } from "vitest";
import { parseConfig } from "../../src/nn/checkpoint.ts";
import { readWeights } from "../../src/nn/read-weights.ts";
import { checkpointFiles, isPlainVit } from "../../src/nn/write-checkpoint.ts";
import { decodeSafetensors, parseHeader } from "../../src/tensor/safetensors.ts";
import { goldenNamed, storedTensors } from "../node/backbones/folder.ts";
import { backboneOf } from "../parity/networks.ts";
import { tinyBackbone } from "../support/tiny-backbone.ts";

test("a written network is read back: the same shape and pixels, weights as half precision has them", () => {
  const { config, preprocessing, weights } = tinyBackbone({ imageSize: 24, width: 16, layers: 3 });
  const files = checkpointFiles(config, preprocessing, { ...weights, "head.bias": weights["norm.bias"]! });
  const checkpoint = parseConfig(files.config, files.preprocessor, "written");
  expect(checkpoint.config).toEqual(config);
  expect(checkpoint.preprocessing).toEqual(preprocessing);
  const length = Number(new DataView(files.weights.buffer).getBigUint64(0, true));
  const header = parseHeader(files.weights.subarray(8, 8 + length), files.weights.length, "written");
  const back = readWeights(checkpoint, header, (_, start, end) => files.weights.slice(start, end), "written");
  expect(Object.keys(back).sort()).toEqual(Object.keys(weights).sort());
  for (const [name, { dims, data }] of Object.entries(weights)) {
    expect(back[name]!.dims, name).toEqual(dims);
    for (const [i, value] of data.entries()) {
      expect(Math.abs(back[name]!.data[i]! - value), name).toBeLessThanOrEqual(
        Math.abs(value) / 2048 + 2 ** -25,
      );
    }
  }
});

test("names and shapes are those of transformers' own files", () => {
  const golden = goldenNamed("vit");
  const { config, preprocessing, weights } = backboneOf(golden);
  const { tensors } = decodeSafetensors(checkpointFiles(config, preprocessing, weights).weights, "written");
  const own = Object.entries(storedTensors(golden)).filter(([name]) => !name.startsWith("pooler"));
  expect(Object.keys(tensors).sort()).toEqual(own.map(([name]) => name).sort());
  for (const [name, { dims, data }] of own) {
    expect(tensors[name]!.dims, name).toEqual(dims);
    const kernel = tensors[name]!.data;
    expect(Math.abs(Number(kernel[data.length - 2]) - Number(data[data.length - 2])), name).toBeLessThan(
      1e-3,
    );
  }
});

test("what a plain ViT of transformers lacks is not written", () => {
  const { config, preprocessing, weights } = tinyBackbone();
  const registers = { ...config, extraTokens: 4 };
  expect([config, registers, { ...config, layerScale: true }].map(isPlainVit)).toEqual([true, false, false]);
  expect(() => checkpointFiles(registers, preprocessing, weights)).toThrow("only a plain ViT");
});
