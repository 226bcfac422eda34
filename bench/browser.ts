/**
 * @file Images a second in a browser, in WebAssembly: answers beside transformers.js on the same network, and training.
 *
 *     npm run bench -- browser [--quick] [--rounds N]
 *
 * Both sit in one page and take turns: ours in its worker, transformers.js as its pipeline has it. The network is the
 * backbone that comes along after one learn, exported by `exportModel` with resizing in the graph; images are 64 px PNGs.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { exportModel } from "../src/node/exports/export.ts";
import { createLearner } from "../src/node/learner/learner.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { patternImage } from "../src/testing/patterns.ts";
import { bundled, CHROMIUM, serve, startChromium } from "../test/support/browser.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions } from "./options.ts";
import { type CaseResult, conclude, ratio, rounded } from "./result.ts";

const SIDE = 64;
const THREADS = [1, 2];

interface Turn {
  readonly milliseconds: number;
  readonly labels: readonly string[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const options = benchOptions();
const images = options.quick ? 8 : 64;
const rounds = options.rounds ?? (options.quick ? 1 : 8);
if (CHROMIUM === undefined)
  throw new Error("there is no Chromium: .ci/services brings it, or name one by FMLORA_CHROMIUM");

/** PNGs of two classes, and a model that has learnt them. */
async function prepare(root: string): Promise<string[]> {
  mkdirSync(join(root, "images"));
  const names = Array.from({ length: images }, (_, i) => `${i}.png`);
  for (const [i, name] of names.entries()) {
    const pixels = patternImage({ label: i < images / 2 ? 0 : 1, domain: 0, number: i, use: "bench" }, SIDE);
    const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).png();
    writeFileSync(join(root, "images", name), await image.toBuffer());
  }
  const paths = names.map((name) => join(root, "images", name));
  const learner = await createLearner({ seed: 1 });
  await learner.learn(
    { classes: { one: paths.slice(0, images / 2), other: paths.slice(images / 2) } },
    { train: "never" },
  );
  await learner.save(join(root, "model"));
  await learner.dispose();
  await exportModel(join(root, "model"), { to: "onnx", out: join(root, "exports", "mine") });
  return names.map((name) => `/images/${name}`);
}

async function measured(page: Page, urls: readonly string[], threads: number): Promise<CaseResult[]> {
  const ask = <Answer>(name: string, ...given: unknown[]): Promise<Answer> =>
    page.evaluate(
      ([called, all]) =>
        (globalThis as unknown as { speed: Record<string, (...own: unknown[]) => Promise<Answer>> }).speed[
          called
        ]!(...all),
      [name, given] as const,
    );
  await ask("open", urls, threads);
  const sides = [
    { name: "fm-lora, fp32", turn: () => ask<Turn>("ours"), times: [] as number[] },
    { name: "transformers.js, fp32", turn: () => ask<Turn>("theirs", "fp32"), times: [] as number[] },
    { name: "transformers.js, q8", turn: () => ask<Turn>("theirs", "q8"), times: [] as number[] },
  ];
  let expected: string | undefined;
  for (let round = 0; round <= rounds; round++) {
    for (const { name, turn, times } of sides) {
      const { milliseconds, labels } = await turn();
      expected ??= labels.join();
      if (!name.endsWith("q8") && labels.join() !== expected) throw new Error(`${name}: answers differ`);
      if (round > 0) times.push(milliseconds); // round 0 warms up
    }
  }
  const trained = await ask<{ milliseconds: number; images: number }>(
    "train",
    options.quick ? 2 : 6,
    threads,
  );
  const perSecond = (count: number, milliseconds: number): number =>
    rounded((1000 * count) / milliseconds, 3);
  const speeds = sides.map(({ name, times }) => ({ name, ...bestAndMedian(times) }));
  const [ours, ...others] = speeds;
  return [
    {
      name: `ViT-Ti/8, answers, ${threads} ${threads === 1 ? "thread" : "threads"}`,
      settings: { images, side: SIDE },
      sides: speeds.map(({ name, best, median }) => ({
        name,
        values: { "images/s, best": perSecond(images, best), "images/s, median": perSecond(images, median) },
      })),
      ratios: others.map(({ name, best, median }) =>
        ratio(`speed, fm-lora / ${name}`, [best / ours!.best, median / ours!.median]),
      ),
    },
    {
      name: `ViT-Ti/8, training, ${threads} ${threads === 1 ? "thread" : "threads"}`,
      settings: { images: trained.images, side: SIDE },
      sides: [
        { name: "fm-lora, fp32", values: { "images/s": perSecond(trained.images, trained.milliseconds) } },
      ],
      ratios: [],
    },
  ];
}

/** Bytes that a page loads before it learns, as they are and with gzip. */
function loaded(programs: Awaited<ReturnType<typeof bundled>>): CaseResult {
  const sizes = Object.entries(programs).map(([name, content]) => {
    const bytes = Buffer.from(content);
    return { name, values: { bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length } };
  });
  return { name: "what a page loads, without the backbone", settings: {}, sides: sizes, ratios: [] };
}

await inTemporaryFolder(async (root) => {
  const urls = await prepare(root);
  const page = `<!doctype html><meta charset="utf-8"><script type="module" src="/browser.js"></script>`;
  const server = await serve(
    {
      "/": page,
      ...(await bundled({ browser: "bench/pages/browser.ts", worker: "src/web/worker.ts" })),
      "/transformers-wasm/": {
        folder: here("../node_modules/@huggingface/transformers/node_modules/onnxruntime-web/dist"),
      },
      "/models/": { folder: here("../models") },
      "/images/": { folder: join(root, "images") },
      "/exports/": { folder: join(root, "exports") },
      "/model.safetensors": readFileSync(join(root, "model", "model.safetensors")),
    },
    { isolated: true },
  );
  const browser = await startChromium();
  try {
    const cases: CaseResult[] = [];
    for (const threads of THREADS) {
      const tab = await browser.newPage();
      await tab.goto(server.origin);
      await tab.waitForFunction("globalThis.speed !== undefined");
      cases.push(...(await measured(tab, urls, threads)));
      await tab.close();
    }
    cases.push(
      loaded(
        await bundled({ page: "examples/browser/learn.ts", worker: "src/web/worker.ts" }, { minify: true }),
      ),
    );
    conclude(
      "browser",
      {
        title: "In a browser",
        what: "PNGs to classes in Chromium, in WebAssembly: decoding, resizing and the network.",
        versions: { chromium: browser.version() },
        cases,
        notes: ["transformers.js runs in the page, fm-lora in its worker; only one works at a time."],
      },
      options,
    );
  } finally {
    await browser.close();
    await server.close();
  }
});
