/** @file How images are prepared, by how many threads and with or without a cache, changes no result. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { toyRequest } from "../../support/toy-folder.ts";
import { readRun } from "./run-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-preparing-"));
afterAll(() => rmSync(root, { recursive: true }));

test("0, 1 and 2 threads, a new cache and a filled one give the same run", async () => {
  const request = await toyRequest(root);
  const cache = join(root, "cache");
  const ways = [{ workers: 0 }, { workers: 1 }, { workers: 2, cache }, { workers: 1, cache }];
  const runs = [];
  for (const [i, way] of ways.entries()) {
    const options = { ...way, augmentation: "random-resized-crop", epochs: 1 } as const;
    const out = join(root, `${i}`);
    await runBenchmark({ ...request, ...options, out, resume: false });
    runs.push(readRun(out));
  }
  for (const run of runs.slice(1)) expect(run).toEqual(runs[0]);
  expect(readdirSync(cache).filter((name) => name.endsWith(".images"))).toHaveLength(2);
});
