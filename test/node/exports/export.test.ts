/** @file What an export refuses, and that nothing is half-written then. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { type ExportOptions, exportModel } from "../../../src/node/exports/export.ts";
import { readModel } from "../../../src/node/runs/model.ts";
import { decodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { writeFinishedModel } from "../../support/finished-model.ts";
import { refusalIn } from "../../support/refusal.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";

let root: string;
let prompted: string;
let plain: string;
let frozen: string;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-export-"));
  const backbone = writeTinyBackbone(join(root, "backbone"));
  const write = (name: string, method: string, methodOptions: object, heads?: string[]) =>
    writeFinishedModel(join(root, name), {
      backbone,
      method,
      methodOptions: { ...methodOptions },
      ...(heads && { heads }),
    });
  prompted = await write("prompted", "fm-lora", { rank: 4, prompts: true });
  plain = await write("plain", "fm-lora", { rank: 4 });
  frozen = await write("frozen", "lda", {}, ["lda", "ncm"]);
}, 60_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const out = (name: string): string => join(root, "out", name);

test("each wrong use is one line, and leaves nothing", async () => {
  const full = out("full");
  mkdirSync(full, { recursive: true });
  writeFileSync(join(full, "kept"), "");
  const file = out("file");
  writeFileSync(file, "");
  const gone = await writeFinishedModel(join(root, "moved"), {
    backbone: writeTinyBackbone(join(root, "lost")),
    method: "lda",
    heads: ["lda"],
  });
  rmSync(join(root, "lost"), { recursive: true });
  const before = readdirSync(out("")).sort();
  const refused = (
    model: string,
    options: Partial<ExportOptions> & Pick<ExportOptions, "to">,
  ): Promise<string> => refusalIn(root, exportModel(model, { out: out("new"), ...options }));
  const messages = [
    await refused(join(root, "nothing"), { to: "onnx" }),
    await refused(plain, { to: "onnx", head: "lad" }),
    await refused(prompted, { to: "peft" }),
    await refused(prompted, { to: "safetensors" }),
    await refused(plain, { to: "peft", head: "ncm" }),
    await refused(frozen, { to: "peft" }),
    await refused(plain, { to: "peft", dtype: ["q8"] }),
    await refused(gone, { to: "onnx" }),
    await refused(plain, { to: "peft", out: full }),
    await refused(plain, { to: "peft", out: file }),
    await refused(plain, { to: "peft", out: join(file, "below") }),
  ];
  expect(messages).toMatchInlineSnapshot(`
    [
      "DIR/nothing: there is no model (model/model.safetensors); a run writes one after its first task",
      "DIR/plain/model/model.safetensors: there is no head "lad"; it has: lda, rows, ncm",
      "DIR/prompted/model/model.safetensors: 4 prompt tokens have no place in peft; export to onnx, which keeps them, or leave them out with \`dropPrompts\`, which changes every answer",
      "DIR/prompted/model/model.safetensors: 4 prompt tokens have no place in safetensors; export to onnx, which keeps them, or leave them out with \`dropPrompts\`, which changes every answer",
      "DIR/plain/model/model.safetensors: head ncm scales features to unit length, which a linear layer can't; choose \`head\` lda, or export to onnx",
      "DIR/frozen/model/model.safetensors: method lda changes nothing in the network, so there is no adapter; export to safetensors or onnx",
      "\`dtype: ["q8"]\`: peft is written in fp32 or fp16",
      "--backbone DIR/lost: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name",
      "--out DIR/out/full: is not empty; remove it, or choose another --out",
      "--out DIR/out/file: is a file; name a folder that is not there yet",
      "--out DIR/out/file/below: cannot be written: a part of the path is a file, not a folder; choose another --out",
    ]
  `);
  expect(readdirSync(out("")).sort()).toEqual(before);
});

test.skipIf(process.getuid?.() === 0)("a folder that can't be written is one line", async () => {
  const closed = out("closed");
  mkdirSync(closed, { recursive: true });
  chmodSync(closed, 0o500);
  const message = await refusalIn(root, exportModel(plain, { to: "peft", out: join(closed, "new") }));
  expect(message).toBe(
    "--out DIR/out/closed/new: cannot be written: no permission to write there; choose another --out",
  );
});

test("without prompts a checkpoint is the rest of the network, and says what that changes", async () => {
  const { folder, notes } = await exportModel(prompted, {
    to: "safetensors",
    dropPrompts: true,
    out: out("dropped"),
  });
  expect(notes).toEqual([expect.stringMatching(/^4 prompt tokens are left out: .* evaluate before use$/)]);
  expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(notes[0]);
  const opened = await readModel(prompted, {});
  const { weights, changed } = opened.model.learner.served!();
  const again = loadBackbone(folder).weights;
  for (const name of Object.keys(again)) expect(again[name]!.data, name).toEqual(weights[name]!.data);
  expect(changed).toContain("blocks.0.query.weight");
  expect(again["blocks.0.query.weight"]!.data).not.toEqual(
    opened.backbone.weights["blocks.0.query.weight"]!.data,
  );
  await opened.model.dispose();
});

test("an adapter has the names of both versions, folded cores and the classes that were seen", async () => {
  const { folder, files } = await exportModel(plain, { to: "peft", out: out("peft"), dtype: ["fp16"] });
  expect(files).toEqual(["adapter_config.json", "adapter_model.safetensors", "labels.json", "README.md"]);
  const read = (name: string): Buffer => readFileSync(join(folder, name));
  expect(JSON.parse(read("labels.json").toString()).id2label).toEqual({
    0: "ant",
    1: "bee",
    2: "dog",
    3: "elk",
  });
  const { r, lora_alpha: alpha, modules_to_save: saved } = JSON.parse(read("adapter_config.json").toString());
  expect({ r, alpha, saved }).toEqual({ r: 4, alpha: 4, saved: ["classifier"] });
  const { tensors } = decodeSafetensors(read("adapter_model.safetensors"), "adapter");
  const names = Object.keys(tensors).filter(
    (name) => name.endsWith("lora_B.weight") || name.includes("classifier"),
  );
  expect(names.map((name) => name.replace("base_model.model.", "")).sort()).toEqual([
    "classifier.bias",
    "classifier.weight",
    "vit.encoder.layer.0.attention.attention.query.lora_B.weight",
    "vit.encoder.layer.0.attention.attention.value.lora_B.weight",
    "vit.encoder.layer.1.attention.attention.query.lora_B.weight",
    "vit.encoder.layer.1.attention.attention.value.lora_B.weight",
    "vit.layers.0.attention.q_proj.lora_B.weight",
    "vit.layers.0.attention.v_proj.lora_B.weight",
    "vit.layers.1.attention.q_proj.lora_B.weight",
    "vit.layers.1.attention.v_proj.lora_B.weight",
  ]);
});

test("a folder that is there and empty is taken", async () => {
  mkdirSync(out("empty"), { recursive: true });
  await exportModel(frozen, { to: "safetensors", out: out("empty") });
  expect(existsSync(join(out("empty"), "model.safetensors"))).toBe(true);
  expect(readdirSync(out("")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});
