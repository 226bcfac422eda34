/** @file Exported ONNX models in the real transformers.js in a real browser: its pipeline gives our probabilities. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportModel } from "../../src/node/exports/export.ts";
import { sharpTransform } from "../../src/node/images/transform.ts";
import { type Model, openModel } from "../../src/node/runs/model.ts";
import { bundled, CHROMIUM, type PageServer, serve, startChromium } from "../support/browser.ts";
import { writeFinishedModel } from "../support/finished-model.ts";
import { missing } from "../support/services.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";

/** One of the network's size, one larger, one smaller and tall. */
const SIDES = [
  [32, 32],
  [120, 90],
  [20, 31],
] as const;
const NAMES = SIDES.map(([width, height]) => `${width}x${height}.png`);
/** transformers.js brings an onnxruntime-web of its own. */
const WASM = new URL(
  "../../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist/",
  import.meta.url,
);

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
const root = mkdtempSync(join(tmpdir(), "fm-lora-web-exports-"));
let model: Model;
let server: PageServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  if (nothing) return;
  mkdirSync(join(root, "images"));
  for (const [i, [width, height]] of SIDES.entries()) {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
      const [x, y, c] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width), at % 3];
      return 128 + 60 * Math.sin(x / 7 + c) + 60 * Math.cos(y / 5 - c);
    });
    const image = sharp(data, { raw: { width, height, channels: 3 } }).png();
    writeFileSync(join(root, "images", NAMES[i]!), await image.toBuffer());
  }
  const backbone = writeTinyBackbone(join(root, "backbone"));
  const run = await writeFinishedModel(join(root, "run"), {
    backbone,
    method: "fm-lora",
    methodOptions: { rank: 8, prompts: true },
  });
  model = await openModel(run, { head: "ncm" });
  // What the command does when it is told nothing of types: fp32, and q8 for browsers.
  await exportModel(run, { to: "onnx", head: "ncm", out: join(root, "exports", "mine") });
  server = await serve({
    "/": `<!doctype html><meta charset="utf-8"><title>pipeline</title><script type="module" src="/pipeline.js"></script>`,
    ...(await bundled({ pipeline: "test/web/pages/pipeline.ts" })),
    "/transformers-wasm/": { folder: fileURLToPath(WASM) },
    "/exports/": { folder: join(root, "exports") },
    "/images/": { folder: join(root, "images") },
  });
  browser = await startChromium();
  page = await browser.newPage();
  await page.goto(server.origin);
  await page.waitForFunction("globalThis.classify !== undefined");
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await model?.dispose();
  rmSync(root, { recursive: true, force: true });
});

/** Ours by class; classes that were not seen have none in the export. */
async function ours(name: string): Promise<Record<string, number>> {
  const bytes = readFileSync(join(root, "images", name));
  const images = await sharpTransform({ kind: "encoded", bytes }, model.preprocessing, null);
  const [answer] = await model.classify({ images, count: 1 });
  const seen = answer!.classes.filter(({ className }) => className !== "cow");
  return Object.fromEntries(seen.map(({ className, probability }) => [className, probability]));
}

describe.skipIf(nothing)("pipeline('image-classification') in Chromium", () => {
  test.each([
    ["fp32", "fp32", 2e-3],
    ["q8", "q8", 0.1],
    ["its own choice, which is q8", undefined, 0.1],
  ] as const)("runs an exported folder: %s", async (_, dtype, most) => {
    const urls = NAMES.map((name) => `${server.origin}/images/${name}`);
    server.asked();
    const answers = await page.evaluate(
      ([folder, all, type]) =>
        (globalThis as unknown as { classify: (...given: unknown[]) => Promise<unknown> }).classify(
          folder,
          all,
          type,
        ),
      ["mine", urls, dtype] as const,
    );
    const file = dtype === "fp32" ? "model.onnx" : "model_quantized.onnx";
    expect(server.asked()).toContain(`/exports/mine/onnx/${file}`);
    for (const [i, answer] of (answers as { label: string; score: number }[][]).entries()) {
      const expected = await ours(NAMES[i]!);
      expect(answer.map(({ label }) => label).sort()).toEqual(Object.keys(expected).sort());
      const differences = answer.map(({ label, score }) => Math.abs(score - expected[label]!));
      expect(Math.max(...differences)).toBeLessThan(most);
      expect(answer[0]!.label).toBe(Object.entries(expected).sort(([, a], [, b]) => b - a)[0]![0]);
    }
  });
});
