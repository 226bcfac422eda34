import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { prefixed } from "../../../src/tensor/prefix.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { formulaWeight } from "../../parity/formula.ts";
import { expectComplaint, goldenNamed, storedTensors, writeFiles } from "./folder.ts";

const folder = mkdtempSync(join(tmpdir(), "fm-lora-families-"));
afterAll(() => rmSync(folder, { recursive: true }));

function load(config: object, preprocessor: object, weights: Record<string, Tensor>) {
  writeFiles(folder, {
    "config.json": config,
    "preprocessor_config.json": preprocessor,
    "model.safetensors": encodeSafetensors(weights),
  });
  return loadBackbone(folder);
}

test("the vision tower is found inside a whole CLIP", () => {
  const { config, preprocessor, ...golden } = goldenNamed("clip");
  const tower = storedTensors({ config, ...golden });
  const { hidden_act: _, layer_norm_eps: __, ...differing } = config; // what old files leave to the defaults
  const whole = { model_type: "clip", vision_config: differing, text_config: { hidden_size: 512 } };
  const others = {
    logit_scale: formulaWeight("logit_scale", [1]),
    "text_model.final_layer_norm.bias": formulaWeight("text", [4]),
    "visual_projection.weight": formulaWeight("projection", [5, 24]),
    "vision_model.embeddings.position_ids": {
      dtype: "int64" as const,
      dims: [1, 10],
      data: new BigInt64Array(10),
    },
  };
  const loaded = load(whole, preprocessor!, { ...prefixed("vision_model.", tower), ...others });
  const alone = load(config, preprocessor!, tower);
  expect(loaded.config).toEqual(alone.config);
  expect(loaded.config).toMatchObject({ activation: "quickGelu", layerNormEpsilon: 1e-5, preNorm: true });
  expect(loaded.weights).toEqual(alone.weights);
});

test("a MAE's decoder and a DeiT's two classifiers are left out", () => {
  const mae = goldenNamed("mae");
  const decoder = { "decoder.mask_token": formulaWeight("mask", [1, 1, 8]) };
  const tensors = storedTensors(mae);
  const loaded = load(mae.config, mae.preprocessor!, { ...prefixed("vit.", tensors), ...decoder });
  expect(loaded.weights).toEqual(load(mae.config, mae.preprocessor!, tensors).weights);

  const deit = goldenNamed("deit");
  const heads = ["cls_classifier.weight", "distillation_classifier.weight"].map((name) => [
    name,
    formulaWeight(name, [3, 16]),
  ]);
  const classifiers = { ...prefixed("deit.", storedTensors(deit)), ...Object.fromEntries(heads) };
  expect(load(deit.config, deit.preprocessor!, classifiers).config.extraTokens).toBe(1);
});

test("a SigLIP has no CLS token; without its head there are no features", () => {
  const { config, preprocessor, ...golden } = goldenNamed("siglip");
  const tensors = storedTensors({ config, ...golden });
  const { "head.probe": _, ...headless } = tensors;
  const loaded = load({ model_type: "siglip", vision_config: config }, preprocessor!, tensors);
  expect(loaded.config).toMatchObject({
    pooling: "attention",
    activation: "geluTanh",
    layerNormEpsilon: 1e-6,
  });
  expect(Object.keys(loaded.weights)).not.toContain("cls");
  expectComplaint(() => load(config, preprocessor!, headless), "tensor head.probe is missing");
});

test("a number of registers that the file contradicts is one line", () => {
  const { config, preprocessor, ...golden } = goldenNamed("dinov2 with registers");
  const tensors = storedTensors({ config, ...golden });
  const wrong = { ...config, num_register_tokens: 5 };
  expectComplaint(
    () => load(wrong, preprocessor!, tensors),
    "tensor embeddings.register_tokens is [1,4,24], but config.json makes it [1,5,24]",
  );
  expectComplaint(() => load({ model_type: "clip" }, preprocessor!, tensors), "config.json: vision_config: ");
});
