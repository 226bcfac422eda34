/** @file Exported ONNX models in the real transformers.js: its pipeline gives our probabilities. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { env, pipeline } from "@huggingface/transformers";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportModel } from "../../../src/node/exports/export.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { type Model, openModel } from "../../../src/node/runs/model.ts";
import { writeFinishedModel } from "../../support/finished-model.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";

/** One of the network's size, one larger, one smaller and tall. */
const SIDES = [
  [32, 32],
  [120, 90],
  [20, 31],
] as const;

let root: string;
let model: Model;
let run: string;
const files: string[] = [];

beforeAll(async () => {
  env.allowRemoteModels = false;
  root = mkdtempSync(join(tmpdir(), "fm-lora-pipeline-"));
  const backbone = writeTinyBackbone(join(root, "backbone"));
  // With prompts: they are in the graph.
  run = await writeFinishedModel(join(root, "run"), {
    backbone,
    method: "fm-lora",
    methodOptions: { rank: 8, prompts: true },
  });
  model = await openModel(run, { head: "ncm" });
  for (const [width, height] of SIDES) {
    const file = join(root, `${width}x${height}.png`);
    const data = Buffer.from(
      Uint8Array.from({ length: width * height * 3 }, (_, i) => {
        const [x, y, c] = [Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3];
        return 128 + 60 * Math.sin(x / 7 + c) + 60 * Math.cos(y / 5 - c);
      }),
    );
    await sharp(data, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(file);
    files.push(file);
  }
}, 60_000);
afterAll(async () => {
  await model.dispose();
  rmSync(root, { recursive: true, force: true });
});

/** Ours by class, of one file; classes that were not seen have none in the export. */
async function ours(file: string): Promise<Record<string, number>> {
  const images = await sharpTransform(
    { kind: "encoded", bytes: readFileSync(file) },
    model.preprocessing,
    null,
  );
  const [answer] = await model.classify({ images, count: 1 });
  const seen = answer!.classes.filter(({ className }) => className !== "cow");
  return Object.fromEntries(seen.map(({ className, probability }) => [className, probability]));
}

/** Theirs, and the largest difference. */
async function compared(folder: string, file: string, dtype: "fp32" | "fp16" | "q8"): Promise<number> {
  const classify = await pipeline("image-classification", folder, { dtype });
  const answers = (await classify(file, { top_k: 10 })) as { label: string; score: number }[];
  await classify.dispose();
  const expected = await ours(file);
  expect(answers.map(({ label }) => label).sort()).toEqual(Object.keys(expected).sort());
  return answers.reduce((most, { label, score }) => Math.max(most, Math.abs(score - expected[label]!)), 0);
}

test("resizing in the graph: fp32, fp16 and q8 by the pipeline", async () => {
  const { folder, files: written } = await exportModel(run, {
    to: "onnx",
    head: "ncm", // its scores are near each other: no probability is 0 or 1
    dtype: ["fp32", "fp16", "q8"],
  });
  expect(folder).toBe(`${run}-onnx`);
  expect(written).toEqual([
    "config.json",
    "preprocessor_config.json",
    "onnx/model.onnx",
    "onnx/model_fp16.onnx",
    "onnx/model_quantized.onnx",
    "README.md",
  ]);
  const [own, ...others] = files as [string, ...string[]];
  expect(await compared(folder, own, "fp32")).toBeLessThan(1e-5);
  for (const file of others) expect(await compared(folder, file, "fp32")).toBeLessThan(2e-3); // rounding of pixels
  for (const file of files) expect(await compared(folder, file, "fp16")).toBeLessThan(5e-3);
  for (const file of files) expect(await compared(folder, file, "q8")).toBeLessThan(0.1);
});

test("resizing outside: the same for images of the network's size", async () => {
  const out = join(root, "outside");
  await exportModel(run, { to: "onnx", head: "ncm", resizing: "outside", out, dtype: ["fp32"] });
  expect(await compared(out, files[0]!, "fp32")).toBeLessThan(1e-5);
});

test("lda's softmax is our calibrated probability, and a batch is answered image by image", async () => {
  const out = join(root, "lda");
  await exportModel(run, { to: "onnx", head: "lda", out, dtype: ["fp32"] });
  const own = await openModel(run, { head: "lda" });
  const classify = await pipeline("image-classification", out, { dtype: "fp32" });
  const both = (await classify([files[0]!, files[0]!])) as unknown as { label: string; score: number }[][];
  expect(both[0]).toEqual(both[1]);
  const images = await sharpTransform(
    { kind: "encoded", bytes: readFileSync(files[0]!) },
    own.preprocessing,
    null,
  );
  const [answer] = await own.classify({ images, count: 1 });
  expect(both[0]![0]!.label).toBe(answer!.classes[0]!.className);
  expect(both[0]![0]!.score).toBeCloseTo(answer!.classes[0]!.probability, 4);
  await classify.dispose();
  await own.dispose();
});
