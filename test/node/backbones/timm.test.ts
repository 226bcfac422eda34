import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { formulaWeight } from "../../parity/formula.ts";
import { expectComplaint, goldenNamed, storedTensors, writeFiles } from "./folder.ts";

const vit = goldenNamed("timm vit");
const stored = storedTensors(vit);
const PRETRAINED = vit.config.pretrained_cfg as Record<string, unknown>;
const folder = mkdtempSync(join(tmpdir(), "fm-lora-timm-"));
afterAll(() => rmSync(folder, { recursive: true }));

function load(
  config: Readonly<Record<string, unknown>> = {},
  weights: Record<string, Tensor> = stored,
  imageSize?: number,
) {
  writeFiles(folder, {
    "config.json": { ...vit.config, ...config },
    "model.safetensors": encodeSafetensors(weights),
  });
  return loadBackbone(folder, imageSize === undefined ? {} : { imageSize });
}

test("query, key and value are the thirds of the one tensor that the file has", () => {
  const { weights } = load();
  const [, whole] = Object.entries(stored).find(([name]) => name.endsWith("blocks.1.attn.qkv.weight"))!;
  const parts = ["query", "key", "value"].map((kind) => weights[`blocks.1.${kind}.weight`]!);
  expect(parts.map(({ dims }) => dims)).toEqual([
    [20, 20],
    [20, 20],
    [20, 20],
  ]);
  expect(parts.flatMap(({ data }) => [...data])).toEqual([...whole.data].map(Number));
});

test("pixels are prepared as config.json says", () => {
  const changed = { crop_pct: 0.9, interpolation: "bilinear", mean: [0.1, 0.2, 0.3] };
  expect(load({ pretrained_cfg: { ...PRETRAINED, ...changed } }).preprocessing).toEqual({
    size: 24,
    interpolation: "bilinear",
    cropFraction: 0.9,
    mean: [0.1, 0.2, 0.3],
    std: PRETRAINED.std,
  });
  const squashed = load({ pretrained_cfg: { ...PRETRAINED, crop_mode: "squash" } });
  expect(squashed.preprocessing.cropFraction).toBeNull();
  expect(load({}, stored, 48).weights.position!.dims).toEqual([1, 37, 20]);
});

describe("what doesn't fit is one line that names what", () => {
  const { "blocks.1.attn.qkv.weight": _, ...withoutQkv } = stored;
  const { pos_embed: __, ...withoutPositions } = stored;
  const named = (name: string, dims: readonly number[]) => ({ ...stored, [name]: formulaWeight(name, dims) });
  test.each([
    ["another architecture", { architecture: "swin_tiny" }, stored, 'architecture "swin_tiny" is not'],
    ["pooling over patches", { model_args: { global_pool: "avg" } }, stored, 'global_pool "avg" is not'],
    ["attention pooling", { model_args: undefined, global_pool: "map" }, stored, 'global_pool "map" is not'],
    ["another activation", { model_args: { num_heads: 5, act_layer: "relu" } }, stored, 'act_layer "relu"'],
    ["heads left open", { model_args: {} }, stored, "say model_args.num_heads"],
    ["no preprocessing", { pretrained_cfg: undefined }, stored, "config.json: pretrained_cfg"],
    [
      "images that are no square",
      { pretrained_cfg: { ...PRETRAINED, input_size: [3, 24, 32] } },
      stored,
      "input_size is 24 x 32",
    ],
    ["a missing tensor", {}, withoutQkv, "tensor blocks.1.attn.qkv.weight is missing"],
    ["rotary positions", {}, withoutPositions, "tensor pos_embed is missing"],
    ["an unused tensor", {}, named("blocks.0.attn.q_norm.weight", [4]), "first blocks.0.attn.q_norm.weight"],
    ["a tensor of another shape", {}, named("norm.bias", [19]), "tensor norm.bias is [19]"],
    ["positions that are no square", {}, named("pos_embed", [1, 12, 20]), "no square"],
    ["gray images", {}, named("patch_embed.proj.weight", [20, 1, 8, 8]), "is [20,1,8,8], but config.json"],
  ])("%s", (_, config, weights, expected) => {
    expectComplaint(() => load(config, weights), expected);
  });
});
