/** @file For every network of every family: no tensor can be missing, nor be there without a use, unnoticed. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { type Tensor, tensor } from "../../../src/tensor/tensor.ts";
import { GOLDENS, weightsOf } from "../../parity/networks.ts";
import { expectComplaint, writeFiles } from "./folder.ts";

const folder = mkdtempSync(join(tmpdir(), "fm-lora-every-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Heads, text towers, decoders and mask tokens, which features don't need. */
const UNUSED =
  /^(\w+\.)?(pooler|classifier|\w+_classifier|decoder|text_model|text_projection|visual_projection|logit_\w+|head|head_dist|embeddings\.mask_token|mask_token|pre_logits)\b/;

test.each(GOLDENS)("$name", (golden) => {
  const weights = weightsOf(golden);
  const write = (changed: Record<string, Tensor>): void =>
    writeFiles(folder, { "model.safetensors": encodeSafetensors(changed) });
  writeFiles(folder, {
    "config.json": golden.config,
    "preprocessor_config.json": golden.preprocessor ?? null,
  });
  const silent: string[] = [];
  for (const name of Object.keys(weights)) {
    const { [name]: _, ...rest } = weights;
    write(rest);
    try {
      loadBackbone(folder);
      silent.push(name);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      expect((error as InputError).message).toMatch(/^[^\n]+ tensors? [^\n]+$|^[^\n]+ tensors that [^\n]+$/);
    }
  }
  // timm's files don't say whether there are biases of query, key and value, and layer scales: the other blocks do.
  const blocks = new Set(Object.keys(weights).map((name) => /^blocks\.(\d+)\./.exec(name)?.[1] ?? ""));
  const optional = ["blocks.0.attn.qkv.bias", "blocks.0.ls1.gamma", "blocks.0.ls2.gamma"];
  const undecided = blocks.size === 2 ? optional.filter((name) => name in weights) : []; // one block, and what is in none
  expect(silent.filter((name) => !UNUSED.test(name))).toEqual(undecided);
  for (const extra of ["blocks.0.attn.q_norm.weight", "encoder.layer.0.new.bias", "another"]) {
    write({ ...weights, [extra]: tensor("float32", [1], Float32Array.of(1)) });
    expectComplaint(() => loadBackbone(folder), `first ${extra}`);
  }
});

test("transformers 5 nests the image processor in processor_config.json, and that one wins", () => {
  const golden = GOLDENS.find(({ name }) => name === "vit")!;
  const own = golden.preprocessor as Record<string, unknown>;
  const processor = (json: object): object => ({ processor_class: "ViTProcessor", ...json });
  const load = (files: Readonly<Record<string, object | null>>) => {
    writeFiles(folder, {
      "config.json": golden.config,
      "preprocessor_config.json": own,
      "model.safetensors": encodeSafetensors(weightsOf(golden)),
      ...files,
    });
    return loadBackbone(folder).preprocessing.mean;
  };
  const nested = processor({ image_processor: { ...own, image_mean: [0.1, 0.2, 0.3] } });
  expect(load({ "processor_config.json": nested })).toEqual([0.1, 0.2, 0.3]);
  expect(load({ "processor_config.json": nested, "preprocessor_config.json": null })).toEqual([
    0.1, 0.2, 0.3,
  ]);
  expect(load({ "processor_config.json": processor({}) })).toEqual(own.image_mean);
  const wrong = processor({ image_processor: { ...own, image_mean: "gray" } });
  expectComplaint(() => load({ "processor_config.json": wrong }), "processor_config.json: image_mean");
  const absent = { "processor_config.json": processor({}), "preprocessor_config.json": null };
  expectComplaint(() => load(absent), "preprocessor_config.json: no such file");
});
