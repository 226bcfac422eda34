/** @file From an empty browser to a trained model, on the playground as people have it, and what that loads. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { serve } from "../test/support/browser.ts";
import { Playground } from "../test/support/playground.ts";
import { type CaseResult, rounded } from "./result.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const NAMES = ["mug", "pen", "key"] as const;

/**
 * Seconds from the first paint, and bytes.
 * @param root an empty folder
 * @param images paths by class, as many of each
 */
export async function playgroundStart(
  browser: Browser,
  root: string,
  images: readonly (readonly string[])[],
  rounds: number,
): Promise<CaseResult[]> {
  const site = join(root, "site");
  const build = ["build", here("../examples/playground"), "--outDir", site, "--logLevel", "error"];
  execFileSync(process.execPath, [here("../node_modules/vite/bin/vite.js"), ...build]);
  const server = await serve({ "/": { folder: site } }, { isolated: true });
  const times = { ready: [] as number[], trained: [] as number[], learning: [] as number[] };
  let paths: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const context = await browser.newContext({ serviceWorkers: "block" }); // it loads all files once more
    const page = await context.newPage();
    const own = new Playground(page);
    server.asked();
    await page.goto(server.origin);
    await own.ready();
    times.ready.push(await sincePaint(own));
    for (const [i, name] of NAMES.entries()) {
      if (i > 1) await own.button("Add a class").click();
      await own.named(page.locator(".card").nth(i), name);
      await own.fill(name, images[i]!);
    }
    const shown = await sincePaint(own);
    await own.learn("always");
    times.trained.push(await sincePaint(own));
    paths = server.asked();
    times.learning.push((await sincePaint(own)) - shown);
    await context.close();
  }
  await server.close();
  const seconds = (values: readonly number[]) => {
    const { best, median } = bestAndMedian(values);
    return { "s, best": rounded(best / 1000, 3), "s, median": rounded(median / 1000, 3) };
  };
  return [
    {
      name: `from the first paint, ${NAMES.length} classes x ${images[0]!.length} images`,
      settings: { rounds },
      sides: [
        { name: "the network is there", values: seconds(times.ready) },
        { name: "a trained model", values: seconds(times.trained) },
        { name: "of that, learning", values: seconds(times.learning) },
      ],
      ratios: [],
    },
    { name: "what it loads", settings: {}, sides: sizes(site, paths), ratios: [] },
  ];
}

const sincePaint = ({ page }: Playground): Promise<number> =>
  page.evaluate<number>(
    "performance.now() - performance.getEntriesByName('first-contentful-paint')[0].startTime",
  );

/** By kind, as they are and with gzip. */
function sizes(site: string, paths: readonly string[]): CaseResult["sides"] {
  const kinds = new Map<string, { bytes: number; gzip: number }>();
  for (const path of new Set(paths)) {
    const file = readFileSync(join(site, path === "/" ? "index.html" : path));
    const kind = /\.wasm$/.test(path) ? "ONNX Runtime" : /safetensors$/.test(path) ? "backbone" : "own code";
    const known = kinds.get(kind) ?? { bytes: 0, gzip: 0 };
    const gzip = gzipSync(file, { level: 9 }).length;
    kinds.set(kind, { bytes: known.bytes + file.length, gzip: known.gzip + gzip });
  }
  return [...kinds].map(([name, values]) => ({ name, values }));
}
