/** @file Adapters of PEFT on the way in: what is merged, and what is refused by name. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { adapterFrom } from "../../src/node/backbones/adapter.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { mergeAdapter } from "../../src/node/exports/adapter.ts";
import { exportModel } from "../../src/node/exports/export.ts";
import { readModel } from "../../src/node/runs/model.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { float32Data, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { writeFinishedModel } from "../support/finished-model.ts";
import { refusalIn } from "../support/refusal.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";

const WIDTH = 32;
const QUERY = "base_model.model.vit.encoder.layer.0.attention.attention.query";
let root: string;
let backbone: string;
let adapters = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-adapter-"));
  backbone = writeTinyBackbone(join(root, "backbone"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const drawn = (dims: readonly number[], name: string): Tensor<"float32"> => {
  const rng = Rng.at("adapter", name);
  const count = dims.reduce((a, b) => a * b, 1);
  return tensor(
    "float32",
    dims,
    Float32Array.from({ length: count }, () => rng.normal()),
  );
};

/** An adapter of rank 2 on one layer, with changes. */
function writeAdapter(config: object = {}, tensors: Readonly<Record<string, Tensor>> = {}): string {
  const folder = join(root, `adapter-${adapters++}`);
  mkdirSync(folder);
  const standard = { peft_type: "LORA", base_model_name_or_path: backbone, r: 2, lora_alpha: 6 };
  writeFileSync(join(folder, "adapter_config.json"), JSON.stringify({ ...standard, ...config }));
  const all = {
    [`${QUERY}.lora_A.weight`]: drawn([2, WIDTH], "a"),
    [`${QUERY}.lora_B.weight`]: drawn([WIDTH, 2], "b"),
    ...tensors,
  };
  writeFileSync(join(folder, "adapter_model.safetensors"), encodeSafetensors(all));
  return folder;
}

/** W + scale B A of that adapter. */
function expected(scale: number): Float32Array {
  const weight = loadBackbone(backbone).weights["blocks.0.query.weight"]!;
  const [a, b] = [drawn([2, WIDTH], "a").data, drawn([WIDTH, 2], "b").data];
  return Float32Array.from(weight.data, (value, i) => {
    const [row, column] = [Math.floor(i / WIDTH), i % WIDTH];
    return value + scale * (b[row * 2]! * a[column]! + b[row * 2 + 1]! * a[WIDTH + column]!);
  });
}

test.each([
  ["alpha / r", {}, 3],
  ["alpha / √r with use_rslora", { use_rslora: true }, 6 / Math.SQRT2],
  ["a pattern's alpha", { alpha_pattern: { "0.attention.attention.query": 2 } }, 1],
  ["no other layer's alpha", { alpha_pattern: { "1.attention.attention.query": 2 } }, 3],
])("merges with the scale %s", async (_, config, scale) => {
  const merged = await adapterFrom(writeAdapter(config));
  const found = float32Data(merged.weights["blocks.0.query.weight"]!);
  const wanted = expected(scale);
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(wanted[i]!, 5);
  const before = loadBackbone(backbone).weights;
  expect(merged.weights["blocks.1.query.weight"]!.data).toEqual(before["blocks.1.query.weight"]!.data);
});

test("transformers 5's names and those of a bare model are known, classifiers left out", async () => {
  const other = {
    "base_model.model.layers.1.attention.v_proj.lora_A.weight": drawn([3, WIDTH], "c"),
    "base_model.model.layers.1.attention.v_proj.lora_B.weight": drawn([WIDTH, 3], "d"),
    "base_model.model.classifier.weight": drawn([4, WIDTH], "e"),
    "base_model.model.classifier.bias": drawn([4], "f"),
  };
  const merged = await adapterFrom(writeAdapter({}, other));
  const before = loadBackbone(backbone).weights;
  const changed = Object.keys(before).filter(
    (name) => before[name]!.data.join() !== merged.weights[name]!.data.join(),
  );
  expect(changed).toEqual(["blocks.0.query.weight", "blocks.1.value.weight"]);
});

test("what export writes, this reads back: the same network", async () => {
  const options = {
    backbone,
    method: "seq-lora",
    methodOptions: { rank: 3, sites: ["query", "output", "fc1", "fc2"] },
  };
  const model = await writeFinishedModel(join(root, "run"), options);
  await exportModel(model, { to: "peft", out: join(root, "peft") });
  const { model: trained } = await readModel(model, {});
  const { weights } = trained.learner.served!();
  const merged = await adapterFrom(join(root, "peft"));
  for (const [name, { data }] of Object.entries(weights)) {
    const found = merged.weights[name]!.data;
    expect(
      data.every((value, i) => Math.abs(value - found[i]!) < 1e-5),
      name,
    ).toBe(true);
  }
  const { folder } = await mergeAdapter(join(root, "peft"), { out: join(root, "merged") });
  const again = loadBackbone(folder);
  for (const [name, { data }] of Object.entries(merged.weights))
    expect(again.weights[name]!.data, name).toEqual(data);
  await trained.dispose();
});

test("what is no plain LoRA of this backbone is refused by name", async () => {
  const layer = "base_model.model.vit.encoder.layer.0";
  const cases = [
    writeAdapter({ peft_type: "LOHA" }),
    writeAdapter({ use_dora: true }),
    writeAdapter({ lora_alpha: "much" }),
    writeAdapter({ base_model_name_or_path: null }),
    writeAdapter({ base_model_name_or_path: join(root, "gone") }),
    writeAdapter({ alpha_pattern: { "(": 1 } }),
    writeAdapter({}, { [`${QUERY}.lora_magnitude_vector.weight`]: drawn([WIDTH], "m") }),
    writeAdapter({}, { [`${QUERY}.base_layer.bias`]: drawn([WIDTH], "m") }),
    writeAdapter({}, { "base_model.model.vit.embeddings.x.lora_A.weight": drawn([2, 3, 8, 8], "m") }),
    writeAdapter(
      {},
      {
        [`${layer}.x.lora_A.weight`]: drawn([2, 3, 8, 8], "m"),
        [`${layer}.x.lora_B.weight`]: drawn([2, 3, 1, 1], "m"),
      },
    ),
    writeAdapter(
      {},
      {
        [`${layer}.mlp.lora_A.weight`]: drawn([2, 8], "m"),
        [`${layer}.mlp.lora_B.weight`]: drawn([8, 2], "m"),
      },
    ),
    writeAdapter({}, { [`${QUERY}.lora_B.weight`]: drawn([WIDTH + 1, 2], "m") }),
  ];
  const messages: string[] = [];
  for (const folder of cases) messages.push(await refusalIn(root, adapterFrom(folder)));
  expect(messages).toMatchInlineSnapshot(`
    [
      "DIR/adapter-5/adapter_config.json: peft_type "LOHA" is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-6/adapter_config.json: use_dora (DoRA) is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-7/adapter_config.json: lora_alpha: Invalid input: expected number, received string",
      "DIR/adapter-8/adapter_config.json: names no base_model_name_or_path; say which backbone with --backbone",
      "--backbone DIR/gone: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name",
      "DIR/adapter-10/adapter_model.safetensors: alpha_pattern "(" is no regular expression",
      "DIR/adapter-11/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.attention.attention.query.lora_magnitude_vector.weight is DoRA's, which is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-12/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.attention.attention.query.base_layer.bias is a trained bias, which is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-13/adapter_model.safetensors: tensor base_model.model.vit.embeddings.x.lora_A.weight is of a convolution ([2,3,8,8]), which is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-14/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.x.lora_A.weight is of a convolution ([2,3,8,8]), which is not supported; plain LoRA adapters of linear layers are",
      "DIR/adapter-15/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.mlp.lora_A.weight: DIR/backbone has no layer vit.encoder.layer.0.mlp; the adapter is for another model",
      "DIR/adapter-16/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight: [2,32] and [33,2] are no change of a layer [32,32]; the adapter is for another model",
    ]
  `);
});
