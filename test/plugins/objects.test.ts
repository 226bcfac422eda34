/** @file A program that brings its own benchmark and method: no name in any registry. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as z from "zod";
import { openModel } from "../../src/node/runs/model.ts";
import { REGISTRY } from "../../src/node/runs/registry.ts";
import { resolveRun } from "../../src/node/runs/request.ts";
import { runBenchmark } from "../../src/node/runs/run.ts";
import { defineBenchmark } from "../../src/run/benchmark.ts";
import { withPlugins } from "../../src/run/registry.ts";
import { patternDataset } from "../../src/testing/index.ts";
import { methodOf } from "../support/run-method.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-objects-"));
afterAll(() => rmSync(root, { recursive: true }));

const patterns = defineBenchmark({
  name: "patterns",
  kind: "class-incremental",
  tasks: 2,
  summary: "drawn patterns",
  needs: "nothing",
  usesData: false,
  options: z.object({ classes: z.number().int().min(2).default(6).describe("how many") }),
  open: async ({ options }) => patternDataset({ ...options, trainPerClass: 4, testPerClass: 2 }),
});
const means = { ...methodOf("ncm"), name: "means" };
const settings = { benchmark: patterns, method: means, threads: 1 };
const read = (...path: string[]) => JSON.parse(readFileSync(join(root, ...path), "utf8"));
let backbone: string;
beforeAll(() => {
  backbone = writeTinyBackbone(join(root, "backbone"));
});

test("runs with both, and its model is opened with the method at hand, by images without labels", async () => {
  const out = join(root, "own");
  const metrics = await runBenchmark({ ...settings, benchmarkOptions: { classes: 4 }, backbone, out });
  expect(metrics).toMatchObject({ benchmark: "patterns", method: "means", testImages: [4, 4] });
  const config = read("own", "config.json");
  expect(config).toMatchObject({ benchmark: "patterns", benchmarkOptions: { classes: 4 }, tasks: 2 });
  expect(config).not.toHaveProperty("plugins");
  await expect(openModel(out)).rejects.toThrow(/^there is no method "means"; expected one of: fm-lora, /);

  const registry = withPlugins(REGISTRY, [{ methods: [means] }]);
  const model = await openModel(out, { registry, threads: 1 });
  const { size } = model.preprocessing;
  const images = { images: new Uint8Array(2 * size * size * 3), count: 2 };
  const answers = await model.classify(images);
  expect(answers).toHaveLength(2);
  for (const { classes, distance } of answers) {
    expect(classes.map(({ className }) => className).sort()).toEqual([...model.classNames].sort());
    expect(distance).toBeGreaterThan(0);
  }
  await model.dispose();
});

test("a registry with plugins is on record, and its absence explained, for a model and for a run to be resumed", async () => {
  const out = join(root, "recorded");
  const registry = withPlugins(REGISTRY, [{ name: "./toys.js", methods: [means], benchmarks: [patterns] }]);
  const named = { benchmark: "patterns", method: "means", threads: 1, backbone, out };
  await runBenchmark({ ...named, registry });
  expect(read("recorded", "config.json").plugins).toEqual(["./toys.js"]);
  expect(read("recorded", "model", "model.json").plugins).toEqual(["./toys.js"]);
  const advice = '; it was made with plugins: add `plugin: "./toys.js"`';
  await expect(openModel(out)).rejects.toThrow(`there is no method "means"${advice}`);
  await expect(runBenchmark({ ...named, resume: true })).rejects.toThrow(
    `there is no benchmark "patterns"${advice}`,
  );
  // The plugin may have moved since.
  const moved = withPlugins(REGISTRY, [{ name: "toys", methods: [means], benchmarks: [patterns] }]);
  await runBenchmark({ ...named, registry: moved, resume: true });
});

test("what is left out has the command line's defaults", () => {
  expect(resolveRun({ benchmark: "emoji" })).toMatchObject({
    benchmark: { name: "emoji" },
    method: { name: "fm-lora" },
    out: join("runs", "emoji-fm-lora-seed1993"),
  });
  const { out } = resolveRun({ benchmark: patterns, method: "lda", seed: 7 });
  expect(out).toBe(join("runs", "patterns-lda-seed7"));
});

test("what isn't there is refused by name, with what was probably meant", async () => {
  const wrong = { ...settings, epoch: 3 };
  await expect(runBenchmark(wrong)).rejects.toThrow(
    /^`epoch`: there is no such option \(did you mean `epochs`\?\)$/,
  );
  await expect(runBenchmark({ benchmark: "emojis" })).rejects.toThrow(/\(did you mean emoji\?\)/);
  await expect(runBenchmark({ ...settings, headOptions: { shrinkag: 1 } })).rejects.toThrow(
    /^heads ncm, lda: `shrinkag`: there is no such option \(did you mean `shrinkage`\?\)$/,
  );
  await expect(runBenchmark({ ...settings, heads: ["lad"] })).rejects.toThrow(
    /^there is no head "lad"; expected all, or some of: aligned, gaussian, lda, ncm, ranpac, rows$/,
  );
});
