/** @file `fmlora data fetch` against a Hub on this machine. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { fetchBenchmark } from "../../../src/node/benchmarks/fetch.ts";
import { type HubSettings, hubSettings } from "../../../src/node/hub/index.ts";
import { REGISTRY } from "../../../src/node/runs/registry.ts";
import { byName } from "../../../src/run/registry.ts";
import { parquetOf } from "../archives/parquets.ts";
import { picture } from "../archives/pictures.ts";
import { MockHub } from "../hub/mock-hub.ts";
import { data } from "./check-command.ts";

let hub: MockHub;
let home: string;
let folder: string;
let settings: HubSettings;

/** PACS as the Hub has it: all images in one part. */
async function pacsFile(): Promise<Buffer> {
  const classes = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"];
  const domains = ["art_painting", "cartoon", "photo", "sketch"];
  const rows = domains.flatMap((domain) =>
    classes.flatMap((_, label) => [0, 1, 2, 3, 4].map((image) => ({ domain, label, image }))),
  );
  const images = await Promise.all(rows.map((row) => picture(JSON.stringify(row))));
  return parquetOf("image", images, {
    domain: { type: "STRING", values: rows.map(({ domain }) => domain) },
    label: { type: "INT64", values: rows.map(({ label }) => BigInt(label)), names: classes },
  });
}

beforeEach(async () => {
  hub = await new MockHub({
    "datasets/flwrlabs/pacs": {
      files: { "README.md": "# PACS", "data/train-00000-of-00001.parquet": await pacsFile() },
    },
    "datasets/uoft-cs/cifar100": { files: { "README.md": "moved" } },
  }).start();
  home = mkdtempSync(join(tmpdir(), "fmlora-fetch-"));
  folder = join(home, "pacs");
  settings = { ...hubSettings({ HF_HOME: home, HF_ENDPOINT: hub.url }), firstPause: 0.01 };
  vi.stubEnv("HF_HOME", home);
  vi.stubEnv("HF_ENDPOINT", hub.url);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await hub.stop();
  rmSync(home, { recursive: true, force: true });
});

const pacs = byName(REGISTRY, "benchmarks", "pacs");
const FILE = "data/train-00000-of-00001.parquet";

describe("fetchBenchmark", () => {
  test("brings the needed files alone, whole, and tells how far it is", async () => {
    const seen: number[] = [];
    const fetched = await fetchBenchmark(pacs, folder, ({ done }) => seen.push(done), settings);
    expect(fetched).toEqual({ files: [FILE], bytes: statSync(join(folder, FILE)).size });
    expect(seen.at(-1)).toBe(fetched.bytes);
    expect(readdirSync(folder)).toEqual(["data"]);
    expect(readdirSync(join(folder, "data"))).toEqual(["train-00000-of-00001.parquet"]);
    const dataset = await pacs.open({ data: folder });
    expect([dataset.name, dataset.train.length, dataset.test.length]).toEqual([
      "pacs (80 to 20 by seed 1993)",
      112,
      28,
    ]);
    expect(dataset.domainNames).toEqual(["photo", "art_painting", "cartoon", "sketch"]);
  });

  test("a second time costs no download, and replaces a file that was changed", async () => {
    await fetchBenchmark(pacs, folder, undefined, settings);
    const content = readFileSync(join(folder, FILE));
    const before = hub.requests.length;
    await fetchBenchmark(pacs, folder, undefined, settings);
    expect(hub.requests.slice(before).filter((request) => request.startsWith("GET /datasets"))).toEqual([]);
    rmSync(join(folder, FILE));
    writeFileSync(join(folder, FILE), "something else");
    await fetchBenchmark(pacs, folder, undefined, settings);
    expect(readFileSync(join(folder, FILE)).equals(content)).toBe(true);
  });

  test("continues where a connection broke", async () => {
    let cut = true;
    hub.interrupt = ({ method, url }, response) => {
      if (!cut || method !== "GET" || !url!.includes("parquet")) return false;
      cut = false;
      response.destroy();
      return true;
    };
    await fetchBenchmark(pacs, folder, undefined, settings);
    expect(cut).toBe(false);
    expect((await pacs.open({ data: folder })).train).toHaveLength(112);
  });

  test("says where to get what the Hub doesn't have", async () => {
    const refused = (name: string) =>
      fetchBenchmark(byName(REGISTRY, "benchmarks", name), folder, undefined, settings);
    await expect(refused("folder")).rejects.toThrow(
      /^folder: nothing to fetch; it needs a folder or archive/,
    );
    await expect(refused("emoji")).rejects.toThrow(/^emoji: not on the Hub; .* it needs nothing but its npm/);
    await expect(refused("cifar100")).rejects.toThrow(
      /^uoft-cs\/cifar100: the Hub's data set has no file .* any more; get cifar100 from https:\/\/www.cs.toronto.edu/,
    );
    await expect(refused("cub200")).rejects.toThrow(/bentrevett\/caltech-ucsd-birds-200-2011/);
    expect(existsSync(folder)).toBe(false);
  });

  test("a folder that can't be made", async () => {
    writeFileSync(join(home, "file"), "");
    await expect(fetchBenchmark(pacs, join(home, "file"), undefined, settings)).rejects.toThrow(
      /train-00000-of-00001.parquet: can't be written \(.*\); choose another folder as --data/,
    );
  });
});

test("fmlora data fetch, then fmlora data check", async () => {
  const fetched = (await data("fetch", "pacs", "--data", folder)).replaceAll(folder, "DIR");
  expect(fetched).toMatch(
    /^DIR: 1 file of flwrlabs\/pacs, [\d.]+ kB; license: not stated.*\n {2}fmlora data check pacs --data DIR looks/,
  );
  expect(await data("check", "pacs", "--data", folder)).toMatch(
    /112 training and 28 test[\s\S]*no problem found\n$/,
  );
  expect(await data("fetch", "pacs")).toBe(
    "fmlora: pacs: no folder given to put the data into; add --data DIR [2]",
  );
  expect(await data("fetch", "emoji")).toMatch(
    /^fmlora: emoji: not on the Hub; its owners have it at .* \[2\]$/,
  );
});
