/** @file A learner that goes on from an adapter of PEFT: the adapter is part of its model from then on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../../src/learner/model-file.ts";
import { adapterFrom } from "../../../src/node/backbones/adapter.ts";
import { exportModel } from "../../../src/node/exports/export.ts";
import { classFolders } from "../../../src/node/learner/class-folders.ts";
import { createLearner, openLearner } from "../../../src/node/learner/learner.ts";
import { readModel } from "../../../src/node/runs/model.ts";
import { tensor } from "../../../src/tensor/tensor.ts";
import { writeFinishedModel } from "../../support/finished-model.ts";
import { refusalIn } from "../../support/refusal.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-start-"));
const at = (...path: string[]): string => join(root, ...path);
const common = { threads: 1, workers: 0 };

async function photos(labels: readonly number[], use = "train"): Promise<Record<string, string[]>> {
  const all = await classFolders(at("images", use));
  return Object.fromEntries(labels.map((label) => [`class-${label}`, all[`class-${label}`]!]));
}

/** A PEFT adapter with large drawn changes. */
async function writeAdapter(name: string): Promise<string> {
  const methodOptions = { rank: 2, sites: ["query", "fc1"] };
  const run = { backbone: at("backbone"), method: "seq-lora", methodOptions };
  await exportModel(await writeFinishedModel(at(`${name}-run`), run), { to: "peft", out: at(name) });
  return at(name);
}

beforeAll(async () => {
  await writeToyFolder(at("images"), { classes: 4, train: 8, test: 3 });
  writeTinyBackbone(at("backbone"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("it learns on top, needs the adapter's folder no more, and exports both as one adapter", async () => {
  const adapter = await writeAdapter("adapter");
  const choice = { ...common, method: "seq-lora", options: { rank: 3, sites: ["query", "value"] } };
  const learner = await createLearner({ ...choice, adapter });
  expect((await learner.info()).backbone).toBe(at("backbone"));
  await learner.learn({ classes: await photos([0, 1]) }, { train: "always", epochs: 1 });
  await learner.save(at("model"));
  await learner.learn({ classes: await photos([2, 3]) }, { train: "always", epochs: 1 });
  await learner.save();
  const images = (await photos([0, 1, 2, 3], "test"))["class-1"]!;
  const answers = await learner.predict(images);
  expect((await learner.info()).adapterLayers).toBe(4); // of two blocks
  await learner.dispose();

  const bare = await createLearner({ ...choice, backbone: at("backbone") });
  await bare.learn({ classes: await photos([0, 1]) }, { train: "always", epochs: 1 });
  await bare.learn({ classes: await photos([2, 3]) }, { train: "always", epochs: 1 });
  expect(await bare.predict(images)).not.toEqual(answers);
  await bare.dispose();

  rmSync(adapter, { recursive: true });
  const again = await openLearner(at("model"), common);
  expect(await again.predict(images)).toEqual(answers);
  await again.undo();
  expect(again.classes).toEqual(["class-0", "class-1"]);
  await again.dispose();

  await exportModel(at("model"), { to: "peft", out: at("both") });
  const { model, backbone } = await readModel(at("model"));
  const { weights } = model.learner.served!();
  await model.dispose();
  const both = await adapterFrom(at("both"), { backbone: at("backbone") });
  for (const [name, { data }] of Object.entries(weights)) {
    const found = both.weights[name]!.data;
    expect(
      data.every((value, i) => Math.abs(value - found[i]!) < 1e-5),
      name,
    ).toBe(true);
  }
  expect(Object.keys(backbone.adapter!).sort()).toEqual(
    [0, 1].flatMap((block) => [`blocks.${block}.fc1`, `blocks.${block}.query`]),
  );
});

test("each wrong use is one line", async () => {
  const adapter = await writeAdapter("other");
  const learner = await createLearner({ ...common, adapter, method: "lda" });
  await learner.learn({ classes: await photos([0, 1]) });
  await learner.save(at("plain"));
  await learner.dispose();
  const file = at("plain", "model.safetensors");
  const { tensors, description } = decodeModel(readFileSync(file), file);
  const name = "adapter.blocks.0.query.b";
  const damaged = [
    { [name]: tensor("int32", [1], Int32Array.of(1)) },
    { [name]: tensor("float32", [2, 2], new Float32Array(4)) },
  ];
  const refusals = [
    await refusalIn(root, createLearner({ ...common, adapter: at("gone") })),
    await refusalIn(root, createLearner({ ...common, adapter, backbone: at("nowhere") })),
    await refusalIn(root, createLearner({ ...common, adapter, backbone: "vit-tiny-patch8-64" })),
  ];
  for (const wrong of damaged) {
    writeFileSync(file, encodeModel({ ...tensors, ...wrong }, description));
    refusals.push(await refusalIn(root, openLearner(at("plain"), common)));
  }
  expect(refusals).toMatchInlineSnapshot(`
    [
      "DIR/gone/adapter_config.json: no such file; a backbone folder has config.json, preprocessor_config.json and model.safetensors",
      "--backbone DIR/nowhere: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name",
      "DIR/other/adapter_model.safetensors: tensor base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight: [2,32] and [32,2] are no change of a layer [192,192]; the adapter is for another model",
      "DIR/plain/model.safetensors: tensor adapter.blocks.0.query.b is no matrix in float32; the file is damaged: take it from its copy again",
      "DIR/plain/model.safetensors: [2,32] and [2,2] are no change of layer blocks.0.query [32,32]; the adapter is for another model",
    ]
  `);
});
