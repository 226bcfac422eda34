/** @file What lies in the folder of a run: no image, no image's features, and the names that programs rely on. */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../../src/cli/run.ts";
import { adaptedSites } from "../../../src/methods/parts/sites.ts";
import { AdaptedNetwork } from "../../../src/network/adapted-network.ts";
import { lowRank } from "../../../src/network/low-rank.ts";
import { promptTokens } from "../../../src/network/prompt-tokens.ts";
import { loadBackbone } from "../../../src/node/backbones/backbone.ts";
import { benchmarks } from "../../../src/node/benchmarks/index.ts";
import { REGISTRY } from "../../../src/node/runs/registry.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { decodeSafetensors } from "../../../src/tensor/safetensors.ts";
import type { RunEvent } from "../../../src/train/events.ts";
import { bytesOf, leaks } from "../../support/leaks.ts";
import { testContext } from "../../support/run-method.ts";
import { toyRequest } from "../../support/toy-folder.ts";

let root: string;
const at = (...path: string[]): string => join(root, ...path);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-files-"));
  const request = await toyRequest(root);
  const listen = (event: RunEvent): void => {
    if (event.type !== "task-start" || event.task !== 1) return;
    copyFileSync(at("run", "model", "model.safetensors"), at("first.safetensors"));
  };
  const methodOptions = { ...request.methodOptions, prompts: true };
  await runBenchmark({ ...request, methodOptions, epochs: 1, firstEpochs: 1, out: at("run"), listen });
}, 60_000);
afterAll(() => rmSync(root, { recursive: true }));

/** Every file of the run, at any depth. */
const files = (): [name: string, bytes: Buffer][] =>
  readdirSync(at("run"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => [name, readFileSync(join(parentPath, name))]);

const tensorsOf = (file: string) => decodeSafetensors(readFileSync(file), file).tensors;

test("no training image, encoded or decoded, and no feature row of one", async () => {
  const paths = readdirSync(at("images", "train"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".png"))
    .map((name) => at("images", "train", name));
  const encoded = paths.map((path) => readFileSync(path));
  const pixels = await Promise.all(paths.map((path) => sharp(path).removeAlpha().raw().toBuffer()));
  const backbone = loadBackbone(at("backbone"));
  const context = { ...testContext({ backbone }), features: "cls+mean" as const };
  const batch = {
    images: new Uint8Array(Buffer.concat(pixels)),
    labels: new Int32Array(pixels.length),
    count: pixels.length,
  };
  const state = tensorsOf(at("run", "model", "model.safetensors"));
  const rows: Float32Array[] = [];
  for (const adapted of [false, true]) {
    const sites = adapted ? adaptedSites(backbone.config, ["query", "value"]) : [];
    const count = adapted ? state.prompts!.dims[0]! : 0;
    const added = [lowRank(backbone, { sites, rank: 8, core: true }), promptTokens({ count, width: 32 })];
    const network = new AdaptedNetwork(context, adapted ? added : []);
    if (adapted) network.merge(state);
    const features = await network.features(batch);
    for (let row = 0; row < batch.count; row++) {
      rows.push(features.slice(row * network.width, (row + 1) * network.width));
    }
    await network.dispose();
  }
  const single = rows.map(bytesOf);
  const double = rows.map((row) => bytesOf(Float64Array.from(row)));
  expect(leaks(Buffer.concat([encoded[0]!, pixels[0]!]), [encoded[0]!, pixels[0]!], 48)).toBe(2); // it finds what is there
  for (const [name, bytes] of files()) {
    const found = [
      leaks(bytes, encoded, 48),
      leaks(bytes, pixels, 48),
      leaks(bytes, single, 16),
      leaks(bytes, double, 32),
    ];
    expect(found, name).toEqual([0, 0, 0, 0]);
  }
});

test("the model after the last task has the shapes of that after the first, but for the rows of classes", () => {
  const shapes = (file: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(tensorsOf(file)).map(([name, { dtype, dims }]) => [name, `${dtype} ${dims}`]),
    );
  const [first, last] = [shapes(at("first.safetensors")), shapes(at("run", "model", "model.safetensors"))];
  expect(Object.keys(last)).toEqual(Object.keys(first));
  expect(Object.keys(last).filter((name) => first[name] !== last[name])).toEqual([
    "gaussian.classes",
    "gaussian.directions",
    "head.bias",
    "head.classes",
    "head.weight",
    "statistics.classes",
    "statistics.counts",
    "statistics.means",
  ]);
});

test("the folder has the files that docs/files.md lists", () => {
  expect(
    files()
      .map(([name]) => name)
      .sort(),
  ).toEqual([
    "checkpoint.safetensors",
    "config.json",
    "events.jsonl",
    "metrics.json",
    "model.json",
    "model.safetensors",
    "report.html",
    "tasks.jsonl",
  ]);
});

test("metrics.json, flags and benchmarks have the names that programs rely on", () => {
  const metrics = JSON.parse(readFileSync(at("run", "metrics.json"), "utf8")) as object;
  expect(Object.keys(metrics)).toEqual(
    expect.arrayContaining([
      "method",
      "benchmark",
      "backbone",
      "seed",
      "accuracyMatrix",
      "accuracyMicro",
      "accuracyMacro",
      "lastAccuracy",
      "averageAccuracy",
      "forgetting",
      "backwardTransfer",
      "trainableParameters",
      "stateBytes",
      "ranks",
      "imagesPerSecond",
      "seconds",
      "peakRssBytes",
    ]),
  );
  expect(runCommand(REGISTRY).options.map(({ long }) => long)).toEqual(
    expect.arrayContaining([
      "--data",
      "--method",
      "--backbone",
      "--tasks",
      "--seed",
      "--order-seed",
      "--epochs",
      "--limit-per-class",
      "--out",
      "--resume",
    ]),
  );
  expect(benchmarks.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      "cifar100",
      "imagenet-r",
      "cub200",
      "domainnet",
      "pacs",
      "emoji",
      "emoji-styles",
      "folder",
    ]),
  );
});
