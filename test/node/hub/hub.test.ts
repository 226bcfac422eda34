/** @file The Hub client against a Hub on this machine: what it asks, and what it leaves in the cache. */
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fetchRepoFile, type HubSettings, hubSettings, listRepoFiles } from "../../../src/node/hub/index.ts";
import { COMMIT, gitHash, MockHub, sha256, TOKEN } from "./mock-hub.ts";

const CONFIG = '{"model_type": "vit"}';
const WEIGHTS = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251);
const REPO = { repo: "org/name", type: "model" } as const;

let hub: MockHub;
let home: string;
let settings: HubSettings;

beforeEach(async () => {
  hub = await new MockHub({
    "models/org/name": {
      files: { "config.json": CONFIG, "model.safetensors": WEIGHTS, "deep/er/notes.txt": "hello", empty: "" },
      revisions: ["main", "v1.0", "refs/pr/1"],
    },
    "datasets/org/set": { files: { "data/all.zip": WEIGHTS } },
    "models/org/private": { files: { "config.json": CONFIG }, access: "token" },
  }).start();
  home = mkdtempSync(join(tmpdir(), "fmlora-hub-"));
  settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: `${hub.url}/` }), firstPause: 0.01 };
});
afterEach(async () => {
  await hub.stop();
  rmSync(home, { recursive: true, force: true });
});

test("a repository's files are listed over all pages, large ones with their SHA-256", async () => {
  expect(await listRepoFiles(REPO, settings)).toEqual([
    { path: "config.json", size: CONFIG.length },
    { path: "model.safetensors", size: WEIGHTS.length, sha256: sha256(WEIGHTS) },
    { path: "deep/er/notes.txt", size: 5 },
    { path: "empty", size: 0 },
  ]);
  expect(await listRepoFiles({ repo: "org/set", type: "dataset" }, settings)).toHaveLength(1);
  expect(await listRepoFiles({ ...REPO, revision: "refs/pr/1" }, settings)).toHaveLength(4);
});

test("files lie where huggingface_hub puts them: blobs by hash, links by commit, the branch's commit", async () => {
  const config = await fetchRepoFile({ ...REPO, path: "config.json" }, settings);
  const weights = await fetchRepoFile({ ...REPO, path: "model.safetensors" }, settings);
  const folder = join(home, "hub", "models--org--name");
  expect(config).toBe(join(folder, "snapshots", COMMIT, "config.json"));
  expect(readFileSync(config, "utf8")).toBe(CONFIG);
  expect(readFileSync(weights).equals(WEIGHTS)).toBe(true);
  expect(readlinkSync(config)).toBe(join("..", "..", "blobs", gitHash(Buffer.from(CONFIG))));
  expect(readlinkSync(weights)).toBe(join("..", "..", "blobs", sha256(WEIGHTS)));
  expect(readFileSync(join(folder, "refs", "main"), "utf8")).toBe(COMMIT);
  expect(readdirSync(join(folder, "blobs")).sort()).toEqual(
    [gitHash(Buffer.from(CONFIG)), sha256(WEIGHTS)].sort(),
  );
  const deep = await fetchRepoFile({ ...REPO, path: "deep/er/notes.txt", revision: "refs/pr/1" }, settings);
  expect(readFileSync(deep, "utf8")).toBe("hello");
  expect(readFileSync(join(folder, "refs", "refs", "pr", "1"), "utf8")).toBe(COMMIT);
  const empty = await fetchRepoFile({ ...REPO, path: "empty" }, settings);
  expect(readFileSync(empty, "utf8")).toBe("");
});

test("a dataset's file comes from its own place", async () => {
  const file = await fetchRepoFile({ repo: "org/set", type: "dataset", path: "data/all.zip" }, settings);
  expect(file).toBe(join(home, "hub", "datasets--org--set", "snapshots", COMMIT, "data", "all.zip"));
  expect(readFileSync(file).equals(WEIGHTS)).toBe(true);
});

test("progress counts up to the size", async () => {
  const seen: number[] = [];
  await fetchRepoFile(
    {
      ...REPO,
      path: "model.safetensors",
      onProgress: ({ repo, path, done, total }) => {
        expect([repo, path, total]).toEqual(["org/name", "model.safetensors", WEIGHTS.length]);
        seen.push(done);
      },
    },
    settings,
  );
  expect(seen[0]).toBe(0);
  expect(seen.at(-1)).toBe(WEIGHTS.length);
  expect(seen).toEqual(seen.toSorted((a, b) => a - b));
});

test("what is cached costs one request for a branch, none for a commit", async () => {
  await fetchRepoFile({ ...REPO, path: "model.safetensors" }, settings);
  hub.requests.length = 0;
  await fetchRepoFile({ ...REPO, path: "model.safetensors" }, settings);
  expect(hub.requests).toEqual(["HEAD /org/name/resolve/main/model.safetensors"]);
  await fetchRepoFile({ ...REPO, path: "model.safetensors", revision: COMMIT }, settings);
  expect(hub.requests).toHaveLength(1);
  // The same content under another tag: a new name, no new download.
  await fetchRepoFile({ ...REPO, path: "model.safetensors", revision: "v1.0" }, settings);
  expect(hub.requests.filter((line) => line.startsWith("STORAGE"))).toEqual([]);
});

test("a file that a commit lacks is asked for once", async () => {
  const absent = { ...REPO, path: "absent.json", revision: COMMIT };
  const line = `org/name: there is no file absent.json in revision "${COMMIT}"`;
  await expect(fetchRepoFile(absent, settings)).rejects.toThrow(line);
  await expect(fetchRepoFile(absent, settings)).rejects.toThrow(line);
  expect(hub.requests).toHaveLength(1);
});

test("several at once bring one file once", async () => {
  const all = Array.from({ length: 4 }, () =>
    fetchRepoFile({ ...REPO, path: "model.safetensors" }, settings),
  );
  expect(new Set(await Promise.all(all)).size).toBe(1);
  expect(hub.requests.filter((line) => line.startsWith("STORAGE GET"))).toHaveLength(1);
});

test("without symbolic links, snapshots hold copies", async () => {
  const plain = { ...settings, symlinks: false };
  const file = await fetchRepoFile({ ...REPO, path: "config.json" }, plain);
  expect(lstatSync(file).isSymbolicLink()).toBe(false);
  expect(readFileSync(file, "utf8")).toBe(CONFIG);
});

test("the token goes to the Hub and not to storage", async () => {
  const withToken = { ...settings, token: TOKEN };
  await fetchRepoFile({ repo: "org/private", type: "model", path: "config.json" }, withToken);
  await fetchRepoFile({ ...REPO, path: "model.safetensors" }, withToken);
  expect(hub.requests.some((line) => line.startsWith("STORAGE"))).toBe(true);
  expect(hub.leaked).toEqual([]);
});

test("offline, the cache serves; what it lacks is named with the command that brings it", async () => {
  await fetchRepoFile({ ...REPO, path: "config.json" }, settings);
  const requests = hub.requests.length;
  const offline = { ...settings, offline: true };
  expect(existsSync(await fetchRepoFile({ ...REPO, path: "config.json" }, offline))).toBe(true);
  await expect(fetchRepoFile({ ...REPO, path: "model.safetensors" }, offline)).rejects.toThrow(
    `model.safetensors of org/name (revision "main") is not in the cache ${join(home, "hub")}, and HF_HUB_OFFLINE forbids to fetch it; HF_HUB_OFFLINE=0 fmlora backbones fetch org/name brings it`,
  );
  await expect(listRepoFiles(REPO, offline)).rejects.toThrow("the list of files of org/name");
  expect(hub.requests).toHaveLength(requests);
});

test("a Hub that can't be reached leaves what is cached usable", async () => {
  const cached = await fetchRepoFile({ ...REPO, path: "config.json" }, settings);
  await hub.stop();
  expect(await fetchRepoFile({ ...REPO, path: "config.json" }, settings)).toBe(cached);
  await expect(fetchRepoFile({ ...REPO, path: "model.safetensors" }, settings)).rejects.toThrow(
    `${settings.endpoint} cannot be reached (ECONNREFUSED); check the network and HF_ENDPOINT, or set HF_HUB_OFFLINE=1`,
  );
});

test("names that would leave the cache's folder are refused", async () => {
  for (const repo of ["../up", "a/b/c", "/etc", "a--b/c", ".hidden/x", "a/..", ""]) {
    await expect(listRepoFiles({ repo, type: "model" }, settings)).rejects.toThrow("is no name of a model");
  }
  for (const path of ["../up", "/etc/passwd", "a//b", "a\\b", "./a", ""]) {
    await expect(fetchRepoFile({ ...REPO, path }, settings)).rejects.toThrow("is no path in a repository");
  }
  await expect(fetchRepoFile({ ...REPO, path: "a", revision: "../x" }, settings)).rejects.toThrow(
    "is no name of a branch",
  );
  expect(hub.requests).toEqual([]);
});
