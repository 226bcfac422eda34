import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { formulaWeight } from "../../parity/formula.ts";
import { GOLDENS } from "../../parity/networks.ts";

const vit = GOLDENS.find(({ name }) => name === "vit")!;
const folder = mkdtempSync(join(tmpdir(), "fm-lora-checkpoint-"));
afterAll(() => rmSync(folder, { recursive: true }));

const stored: Record<string, Tensor> = Object.fromEntries(
  vit.tensors.map(([name, dims]) => [name, formulaWeight(name, dims)]),
);

/** Loads the golden ViT with parts replaced; null leaves a file out. */
function load(
  changes: {
    readonly config?: object | string | null;
    readonly preprocessor?: object | string | null;
    readonly weights?: Record<string, Tensor> | Uint8Array | null;
    readonly imageSize?: number;
  } = {},
) {
  const { config = {}, preprocessor = {}, weights = stored } = changes;
  const text = (base: object, change: object | string): string =>
    typeof change === "string" ? change : JSON.stringify({ ...base, ...change });
  const contents = {
    "config.json": config === null ? null : text(vit.config, config),
    "preprocessor_config.json": preprocessor === null ? null : text(vit.preprocessor!, preprocessor),
    "model.safetensors":
      weights === null || weights instanceof Uint8Array ? weights : encodeSafetensors(weights),
  };
  for (const [name, content] of Object.entries(contents)) {
    rmSync(join(folder, name), { force: true });
    if (content !== null) writeFileSync(join(folder, name), content);
  }
  return loadBackbone(folder, changes.imageSize === undefined ? {} : { imageSize: changes.imageSize });
}

const query = "encoder.layer.1.attention.attention.query.weight";
const position = "embeddings.position_embeddings";
const { [query]: _, ...withoutQuery } = stored;
const extra = { ...stored, "encoder.layer.2.layernorm_before.weight": formulaWeight("extra", [24]) };

describe("a checkpoint that contradicts itself is one line that names what", () => {
  test.each([
    ["a tensor is missing", { weights: withoutQuery }, `${query} is missing`],
    ["a tensor has no use", { weights: extra }, "first encoder.layer.2.layernorm_before.weight"],
    ["more layers than weights", { config: { num_hidden_layers: 3 } }, "encoder.layer.2."],
    [
      "fewer layers than weights",
      { config: { num_hidden_layers: 1 } },
      "config.json doesn't match the weights",
    ],
    ["another width", { config: { hidden_size: 48 } }, "is [1,1,24], but config.json makes it [1,1,48]"],
    ["another MLP", { config: { intermediate_size: 60 } }, "config.json makes it [60,24]"],
    ["another patch", { config: { patch_size: 16 } }, "projection.weight is [24,3,8,8]"],
    [
      "positions that are no square",
      { weights: { ...stored, [position]: formulaWeight(position, [1, 16, 24]) } },
      "has 15 positions besides CLS, which is no square",
    ],
    ["heads that don't divide", { config: { num_attention_heads: 5 } }, "24 is not a multiple of 5 heads"],
    [
      "biases that it denies",
      { config: { qkv_bias: false } },
      "6 tensors that this vit (2 layers) has no use for",
    ],
    [
      "an unknown model",
      { config: { model_type: "swin" } },
      'model_type "swin" is not supported; supported are vit, dinov2',
    ],
    ["another family", { config: { model_type: "dinov2" } }, "is missing"],
    ["another activation", { config: { hidden_act: "relu" } }, 'hidden_act "relu" is not supported'],
    ["no width", { config: { hidden_size: undefined } }, "hidden_size"],
    ["a text for a number", { config: { patch_size: "8" } }, "patch_size"],
    [
      "no pixel statistics",
      { preprocessor: { image_mean: undefined } },
      "preprocessor_config.json: image_mean",
    ],
    ["JSON that is none", { config: "{" }, "config.json: not valid JSON"],
    ["no configuration", { config: null }, "config.json: no such file"],
    ["no weights", { weights: null }, "model.safetensors: no such file"],
    ["weights cut off", { weights: encodeSafetensors(stored).slice(0, 20_000) }, "truncated"],
    ["no weights of a ViT", { weights: { x: formulaWeight("x", [1]) } }, "no tensor embeddings.cls_token"],
    [
      "an image size that the patch doesn't divide",
      { imageSize: 30 },
      "image size 30 is not a multiple of the patch size 8",
    ],
  ])("%s", (_, changes, expected) => {
    let complaint: unknown;
    try {
      load(changes);
    } catch (error) {
      complaint = error;
    }
    expect(complaint).toBeInstanceOf(InputError);
    expect((complaint as InputError).message).toContain(expected);
    expect((complaint as InputError).message).toMatch(/^[^\n]+$/);
  });
});

test("the whole one loads, with a head's prefix and a classifier too", () => {
  const { config, weights, preprocessing } = load();
  expect(config).toMatchObject({ imageSize: 32, hiddenSize: 24, mlpSize: 56, layers: 2, heads: 3 });
  expect(preprocessing).toMatchObject({ size: 32, interpolation: "bicubic", cropFraction: null });
  const prefixed = Object.fromEntries(Object.entries(stored).map(([name, value]) => [`vit.${name}`, value]));
  const classifier = { "classifier.weight": formulaWeight("classifier", [3, 24]) };
  expect(load({ weights: { ...prefixed, ...classifier } }).weights).toEqual(weights);
});

test("another image size resizes positions and nothing else", () => {
  const { weights } = load();
  const resized = load({ imageSize: 64 });
  expect(resized.config.imageSize).toBe(64);
  expect(resized.weights.position!.dims).toEqual([1, 1 + 8 * 8, 24]);
  expect(resized.weights.position!.data.slice(0, 24)).toEqual(weights.position!.data.slice(0, 24));
  expect({ ...resized.weights, position: null }).toEqual({ ...weights, position: null });
});
