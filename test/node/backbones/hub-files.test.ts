/** @file Backbones of a Hub on this machine: which files are fetched, and what stops before the weights are. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bringBackbone, findBackbone, localBackbones } from "../../../src/node/backbones/backbones.ts";
import { type HubSettings, hubSettings, offline } from "../../../src/node/hub/index.ts";
import { encodeSafetensors } from "../../../src/tensor/safetensors.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { COMMIT, MockHub } from "../hub/mock-hub.ts";
import { goldenNamed, storedTensors } from "./folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "fmlora-tiny-"));
const tiny = writeTinyBackbone(scratch);
const [config, preprocessor] = ["config.json", "preprocessor_config.json"].map((name) =>
  readFileSync(join(tiny, name), "utf8"),
) as [string, string];
const weights = readFileSync(join(tiny, "model.safetensors"));
rmSync(scratch, { recursive: true });

const CARD = "---\nlibrary_name: transformers\nlicense: apache-2.0\n---\n# A model";
const timm = goldenNamed("timm vit");
const sharded = storedTensors(goldenNamed("vit"));
const shardOf = (name: string): string => `model-${name.length % 2}.safetensors`;
const shard = (file: string): Uint8Array =>
  encodeSafetensors(Object.fromEntries(Object.entries(sharded).filter(([name]) => shardOf(name) === file)));

const REPOS = {
  "models/org/tiny": {
    files: {
      "README.md": CARD,
      "config.json": config,
      "preprocessor_config.json": preprocessor,
      "model.safetensors": weights,
      "pytorch_model.bin": "large and not wanted",
      "onnx/model.onnx": "nor this",
    },
    revisions: ["main", "v2"],
  },
  "models/org/nested": {
    files: {
      "config.json": config,
      "processor_config.json": JSON.stringify({
        image_processor: JSON.parse(preprocessor),
        processor_class: "P",
      }),
      "model.safetensors": weights,
    },
  },
  "models/timm/vit_small": {
    files: {
      "config.json": JSON.stringify(timm.config),
      "model.safetensors": encodeSafetensors(storedTensors(timm)),
    },
  },
  "models/org/shards": {
    files: {
      "config.json": JSON.stringify(goldenNamed("vit").config),
      "preprocessor_config.json": JSON.stringify(goldenNamed("vit").preprocessor),
      "model.safetensors.index.json": JSON.stringify({
        weight_map: Object.fromEntries(Object.keys(sharded).map((name) => [name, shardOf(name)])),
      }),
      "model-0.safetensors": shard("model-0.safetensors"),
      "model-1.safetensors": shard("model-1.safetensors"),
    },
  },
  "models/org/swin": {
    files: {
      "config.json": '{"model_type": "swin"}',
      "preprocessor_config.json": preprocessor,
      "model.safetensors": weights,
    },
  },
  "models/timm/swin": {
    files: {
      "config.json": JSON.stringify({ ...timm.config, architecture: "swin_tiny" }),
      "model.safetensors": weights,
    },
  },
  "models/org/pickled": {
    files: { "config.json": config, "preprocessor_config.json": preprocessor, "pytorch_model.bin": "x" },
  },
  "models/org/bare": { files: { "config.json": config, "model.safetensors": weights } },
};

let hub: MockHub;
let home: string;
let settings: HubSettings;
beforeEach(async () => {
  hub = await new MockHub(REPOS).start();
  home = mkdtempSync(join(tmpdir(), "fmlora-hub-"));
  settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }), firstPause: 0.01 };
});
afterEach(async () => {
  await hub.stop();
  rmSync(home, { recursive: true, force: true });
});

test("config, preprocessor and weights are fetched, nothing else; the name it gets is for good", async () => {
  const backbone = await findBackbone("org/tiny", { settings, imageSize: 64 });
  expect(backbone.name).toBe(`org/tiny@${COMMIT}`);
  expect(backbone.config.imageSize).toBe(64);
  const fetched = hub.requests
    .filter((line) => line.includes("GET"))
    .map((line) => line.replace(/.*\/|\?.*/g, ""));
  expect(new Set(fetched)).toEqual(new Set(["config.json", "preprocessor_config.json", "model.safetensors"]));
  hub.requests.length = 0;
  expect((await findBackbone("org/tiny", { settings })).weights).toEqual(
    (await findBackbone(backbone.name, { settings: { ...settings, offline: true } })).weights,
  );
  expect(hub.requests).toEqual(["HEAD /org/tiny/resolve/main/config.json"]);
  expect(await bringBackbone("org/tiny@v2", { settings })).toBe(`org/tiny@${COMMIT}`);
});

test("an image processor inside processor_config.json, timm's config.json and shards do as well", async () => {
  expect((await findBackbone("org/nested", { settings })).preprocessing.std).toEqual([0.25, 0.25, 0.25]);
  const { preprocessing } = await findBackbone("timm/vit_small", { settings });
  expect(preprocessing.mean).toEqual((timm.config.pretrained_cfg as { mean: number[] }).mean);
  expect(hub.requests.some((line) => line.includes("vit_small") && line.includes("processor"))).toBe(false);
  await findBackbone("org/shards", { settings });
  expect(hub.requests.filter((line) => /STORAGE GET .*model-\d/.test(line))).toHaveLength(2);
});

test("a folder of that name wins", async () => {
  const cwd = process.cwd();
  mkdirSync(join(home, "work/org"), { recursive: true });
  writeTinyBackbone(join(home, "work/org/tiny"), { width: 48 });
  try {
    process.chdir(join(home, "work"));
    expect((await findBackbone("org/tiny", { settings })).config.hiddenSize).toBe(48);
  } finally {
    process.chdir(cwd);
  }
  expect(hub.requests).toEqual([]);
});

test.each([
  ["org/swin", 'model_type "swin" is not supported; supported are vit, dinov2'],
  ["timm/swin", 'architecture "swin_tiny" is not supported'],
  ["org/pickled", "org/pickled: has no model.safetensors; weights in other formats are not read"],
  ["org/bare", "org/bare: has neither preprocessor_config.json nor processor_config.json"],
  ["org/absent", "not a folder here; from the Hub: org/absent: there is no such model"],
  ["org/tiny@v3", 'org/tiny: there is no revision "v3"'],
  [
    "plain",
    "--backbone plain: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of",
  ],
  ["./gone/folder", "--backbone ./gone/folder: no such folder"],
  ["/gone/folder", "--backbone /gone/folder: no such folder"],
])("%s is refused before weights are fetched", async (name, expected) => {
  const error = (await findBackbone(name, { settings }).catch((reason: unknown) => reason)) as Error;
  expect(error.name).toBe("InputError");
  expect(error.message).toContain(expected);
  expect(error.message).toMatch(/^--backbone [^\n]+$/);
  expect(hub.requests.filter((line) => line.startsWith("STORAGE"))).toEqual([]);
});

test("offline, a missing file is named with the command that brings it", async () => {
  const offline = { ...settings, offline: true };
  await expect(findBackbone("org/tiny", { settings: offline })).rejects.toThrow(
    'config.json of org/tiny (revision "main") is not in the cache',
  );
  await bringBackbone("org/nested", { settings });
  rmSync(join(home, "hub/models--org--nested/snapshots", COMMIT, "model.safetensors"));
  await expect(findBackbone("org/nested", { settings: offline })).rejects.toThrow(
    `HF_HUB_OFFLINE=0 fmlora backbones fetch org/nested@${COMMIT} brings it`,
  );
});

test("what is here is listed with family, size and license; what is no backbone is passed over", async () => {
  for (const name of ["org/tiny", "timm/vit_small", "org/shards"]) await bringBackbone(name, { settings });
  await findBackbone("org/swin", { settings }).catch(() => {});
  const snapshot = join(home, "hub/models--org--tiny/snapshots", COMMIT);
  writeFileSync(join(snapshot, "README.md"), CARD);
  const foreign = join(home, "hub/models--google--bert/snapshots", COMMIT);
  mkdirSync(foreign, { recursive: true });
  writeFileSync(join(foreign, "config.json"), '{"model_type": "bert"}');
  writeFileSync(join(foreign, "model.safetensors"), weights);
  rmSync(join(home, "hub/models--org--shards/snapshots", COMMIT, "model-1.safetensors"));
  const listed = localBackbones(settings).map(({ name, facts, license, bytes }) => [
    name,
    facts.family,
    license,
    bytes > 10_000,
  ]);
  expect(listed).toEqual([
    ["vit-tiny-patch8-64", "vit", "other", true],
    ["org/tiny", "vit", "apache-2.0", true],
    ["timm/vit_small", timm.config.architecture, undefined, true],
  ]);
});

test("a cache as snapshot_download leaves it serves while the Hub is down, by branch and by commit", async () => {
  await findBackbone("org/tiny", { settings });
  rmSync(join(home, "hub", "models--org--tiny", ".no_exist"), { recursive: true }); // only we remember what is not there
  await hub.stop();
  for (const name of ["org/tiny", `org/tiny@${COMMIT}`]) {
    expect((await findBackbone(name, { settings })).name).toBe(`org/tiny@${COMMIT}`);
  }
  rmSync(join(home, "hub", "models--org--tiny", "snapshots", COMMIT, "model.safetensors"));
  await expect(findBackbone("org/tiny", { settings })).rejects.toThrow(/cannot be reached \(ECONNREFUSED\)/);
});

test("who asks the Hub is told so before, once; offline nobody is asked", async () => {
  const told: string[] = [];
  const onRequest = (endpoint: string): void => {
    told.push(`${endpoint} after ${hub.requests.length}`);
  };
  await findBackbone("org/tiny", { settings, onRequest });
  expect(told).toEqual([`${hub.url} after 0`]);
  const { length } = hub.requests;
  await findBackbone(`org/tiny@${COMMIT}`, { settings, onRequest }); // all of it is cached
  await expect(findBackbone("org/nested", { settings: offline(settings), onRequest })).rejects.toThrow(
    "and --offline forbids to fetch it; fmlora backbones fetch org/nested brings it",
  );
  expect([told.length, hub.requests.length]).toEqual([1, length]);
});
