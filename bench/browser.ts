/**
 * @file Images a second in a browser, in WebAssembly: answers beside transformers.js on the same network, and training.
 *
 *     npm run bench -- browser [--quick] [--rounds N]
 *
 * Both sit in one page and take turns: ours in its worker, transformers.js as its pipeline has it; pages with one and two
 * threads take turns, too. The network is the backbone that comes along after one learn, exported by `exportModel` with
 * resizing in the graph; images are 64 px PNGs. Then the playground, from an empty browser to a trained model.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { exportModel } from "../src/node/exports/export.ts";
import { createLearner } from "../src/node/learner/learner.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { patternImage } from "../src/testing/patterns.ts";
import { bundled, CHROMIUM, serve, startChromium } from "../test/support/browser.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions } from "./options.ts";
import { playgroundStart } from "./playground-start.ts";
import { type CaseResult, conclude, ratio, rounded } from "./result.ts";

const SIDE = 64;
const CLASSES = 3;
const THREADS = [1, 2];

interface Turn {
  readonly milliseconds: number;
  readonly labels: readonly string[];
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const options = benchOptions();
const images = options.quick ? 15 : 60;
const rounds = options.rounds ?? (options.quick ? 1 : 8);
/** Trainings take long, and starts need a browser of their own. */
const trainings = options.quick ? 1 : 3;
if (CHROMIUM === undefined)
  throw new Error("there is no Chromium: .ci/services brings it, or name one by FMLORA_CHROMIUM");

/** PNGs of three classes, and a model in both precisions that has learned them. */
async function prepare(root: string): Promise<string[]> {
  mkdirSync(join(root, "images"));
  const names = Array.from({ length: images }, (_, i) => `${i}.png`);
  for (const [i, name] of names.entries()) {
    const pixels = patternImage(
      { label: Math.floor((CLASSES * i) / images), domain: 0, number: i, use: "bench" },
      SIDE,
    );
    const image = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 3 } }).png();
    writeFileSync(join(root, "images", name), await image.toBuffer());
  }
  const paths = names.map((name) => join(root, "images", name));
  const third = images / CLASSES;
  const classes = Object.fromEntries(
    ["one", "other", "third"].map((name, i) => [name, paths.slice(i * third, (i + 1) * third)]),
  );
  for (const precision of ["float32", "int8"] as const) {
    const learner = await createLearner({ seed: 1, precision });
    await learner.learn({ classes }, { train: "never" });
    await learner.save(join(root, precision));
    await learner.dispose();
  }
  await exportModel(join(root, "float32"), { to: "onnx", out: join(root, "exports", "mine") });
  return names.map((name) => `/images/${name}`);
}

type Ask = <Answer>(name: string, ...given: unknown[]) => Promise<Answer>;

/** A page that computes on so many threads. */
async function pageOn(
  browser: Browser,
  origin: string,
  urls: readonly string[],
  threads: number,
): Promise<Ask> {
  const page = await browser.newPage();
  await page.goto(origin);
  await page.waitForFunction("globalThis.speed !== undefined");
  const ask: Ask = (name, ...given) =>
    page.evaluate(
      ([called, all]) =>
        (globalThis as unknown as { speed: Record<string, (...own: unknown[]) => Promise<never>> }).speed[
          called
        ]!(...all),
      [name, given] as const,
    );
  await ask("open", urls, threads);
  return ask;
}

/** One of those that take turns. */
interface Side {
  readonly name: string;
  turn(): Promise<Turn>;
  readonly perImage: number[];
}

const SIDES: readonly (readonly [name: string, call: string, argument: string])[] = [
  ["fm-lora, fp32", "ours", "float32"],
  ["fm-lora, int8", "ours", "int8"],
  ["transformers.js, fp32", "theirs", "fp32"],
  ["transformers.js, q8", "theirs", "q8"],
];

/** All sides on all numbers of threads take turns, so that whatever else the machine does hits them alike. */
async function answering(asks: ReadonlyMap<number, Ask>): Promise<CaseResult[]> {
  const sides = new Map(
    [...asks].map(([threads, ask]) => [
      threads,
      SIDES.map(([name, call, argument]): Side => ({ name, turn: () => ask(call, argument), perImage: [] })),
    ]),
  );
  let expected: string | undefined;
  for (let round = 0; round <= rounds; round++) {
    for (const { name, turn, perImage } of [...sides.values()].flat()) {
      const { milliseconds, labels } = await turn();
      expected ??= labels.join();
      if (name.endsWith("fp32") && labels.join() !== expected) throw new Error(`${name}: answers differ`);
      if (round > 0) perImage.push(milliseconds / images); // round 0 warms up
    }
  }
  return [...sides].map(([threads, own]) => speeds(`answers, ${threadsText(threads)}`, own));
}

/** The same for steps that train, each on a learner of its own. */
async function training(asks: ReadonlyMap<number, Ask>): Promise<CaseResult[]> {
  const turns = [...asks].flatMap(([threads, ask]) =>
    (["float32", "int8"] as const).map((precision) => ({
      threads,
      ask,
      precision,
      perImage: [] as number[],
    })),
  );
  for (let round = 0; round < trainings; round++) {
    for (const { threads, ask, precision, perImage } of turns) {
      const { milliseconds, images: trained } = await ask<{ milliseconds: number; images: number }>(
        "train",
        options.quick ? 2 : 4,
        threads,
        precision,
      );
      perImage.push(milliseconds / trained);
    }
  }
  return [...asks.keys()].map((threads) =>
    speeds(
      `training, ${threadsText(threads)}`,
      turns
        .filter((turn) => turn.threads === threads)
        .map(({ precision, perImage }) => ({ name: `fm-lora, ${NAMES[precision]}`, perImage })),
    ),
  );
}

const NAMES = { float32: "fp32", int8: "int8" } as const;
const threadsText = (threads: number): string => `${threads} ${threads === 1 ? "thread" : "threads"}`;

/** Images a second, and the first side beside the others. */
function speeds(what: string, sides: readonly Pick<Side, "name" | "perImage">[]): CaseResult {
  const found = sides.map(({ name, perImage }) => ({ name, ...bestAndMedian(perImage) }));
  const [ours, ...others] = found;
  const perSecond = (milliseconds: number): number => rounded(1000 / milliseconds, 3);
  return {
    name: `ViT-Ti/8, ${what}`,
    settings: { images, side: SIDE },
    sides: found.map(({ name, best, median }) => ({
      name,
      values: { "images/s, best": perSecond(best), "images/s, median": perSecond(median) },
    })),
    ratios: others.map(({ name, best, median }) =>
      ratio(`speed, ${ours!.name} / ${name}`, [best / ours!.best, median / ours!.median]),
    ),
  };
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
      ...Object.fromEntries(
        ["float32", "int8"].map((precision) => [
          `/${precision}.safetensors`,
          readFileSync(join(root, precision, "model.safetensors")),
        ]),
      ),
    },
    { isolated: true },
  );
  const browser = await startChromium();
  try {
    const asks = new Map<number, Ask>();
    for (const threads of THREADS) asks.set(threads, await pageOn(browser, server.origin, urls, threads));
    const cases = [...(await answering(asks)), ...(await training(asks))];
    const shown = (from: number) =>
      urls.slice(from, from + (options.quick ? 5 : 20)).map((url) => join(root, url));
    const classes = [shown(0), shown(images / 3), shown((2 * images) / 3)];
    cases.push(...(await playgroundStart(browser, root, classes, trainings)));
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
