/** @file `fmlora export`, as it is typed. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFinishedModel } from "../support/finished-model.ts";
import { Workplace } from "./command.ts";

const place = new Workplace();

beforeAll(async () => {
  await place.prepare();
  const backbone = join(place.path, "backbone");
  const options = { backbone, method: "fm-lora", methodOptions: { rank: 4, prompts: true, rows: "linear" } };
  await writeFinishedModel(join(place.path, "runs", "fm"), options);
}, 60_000);
afterAll(() => place.remove());

test("onnx is written beside the model, with what was measured of it", async () => {
  const { code, stdout, stderr } = await place.fmlora(["export", "--model", "runs/fm", "--to", "onnx"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(
    "runs/fm-onnx: config.json, preprocessor_config.json, onnx/model.onnx, onnx/model_quantized.onnx",
  );
  expect(stdout).toMatch(/^fp32: on 3 images of noise, scores within \S+ of the largest .*; 3 of 3 /m);
  expect(existsSync(join(place.path, "runs", "fm-onnx", "onnx", "model.onnx"))).toBe(true);
}, 60_000);

test("--json is a line for programs", async () => {
  const args = [
    "export",
    "--model",
    "runs/fm/model",
    "--to",
    "peft",
    "--drop-prompts",
    "--head",
    "rows",
    "--out",
    "a/b",
  ];
  const { code, stdout } = await place.fmlora([...args, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    folder: "a/b",
    files: ["adapter_config.json", "adapter_model.safetensors", "labels.json", "README.md"],
    notes: [expect.stringContaining("left out")],
  });
  const merging = [
    "export",
    "--adapter",
    "a/b",
    "--backbone",
    "backbone",
    "--to",
    "safetensors",
    "--out",
    "merged",
  ];
  expect(await place.fmlora(merging)).toMatchObject({ code: 0, stderr: "" });
  const { architectures } = JSON.parse(readFileSync(join(place.path, "merged", "config.json"), "utf8"));
  expect(architectures).toEqual(["ViTModel"]);
}, 60_000);

test("each wrong use is one line, in the command's words", async () => {
  const refused = (...args: string[]): Promise<string> => place.refused("export", ...args);
  const messages = [
    await refused("--model", "runs/fm"),
    await refused("--to", "onnx"),
    await refused("--model", "runs/fm", "--to", "tflite"),
    await refused("--model", "runs/fm", "--to", "onnx", "--dtype", "fp8"),
    await refused("--model", "runs/fm", "--to", "peft"),
    await refused("--model", "runs/fm", "--to", "peft", "--head", "ncm", "--drop-prompts"),
    await refused("--model", "runs/fm", "--to", "safetensors", "--dtype", "q8"),
    await refused("--adapter", "a/b", "--to", "onnx", "--out", "x"),
    await refused("--adapter", "a/b", "--model", "runs/fm", "--to", "safetensors", "--out", "x"),
  ];
  expect(messages).toMatchInlineSnapshot(`
    [
      "fmlora: required option '--to <format>' not specified [2]",
      "fmlora: --model: expected the folder of a run [2]",
      "fmlora: option '--to <format>' argument 'tflite' is invalid. Allowed choices are peft, onnx, safetensors. [2]",
      "fmlora: --dtype "fp8": expected some of fp32, fp16, q8 [2]",
      "fmlora: runs/fm/model/model.safetensors: 4 prompt tokens have no place in peft; export to onnx, which keeps them, or leave them out with --drop-prompts, which changes every answer [2]",
      "fmlora: runs/fm/model/model.safetensors: head ncm scales features to unit length, which a linear layer can't; choose --head lda or rows, or export to onnx [2]",
      "fmlora: --dtype q8: safetensors is written in fp32 or fp16 [2]",
      "fmlora: --adapter: is merged with --to safetensors --out FOLDER [2]",
      "fmlora: option '--adapter <folder>' cannot be used with option '--model <folder>' [2]",
    ]
  `);
}, 60_000);
