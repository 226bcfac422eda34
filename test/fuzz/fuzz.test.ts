/** @file A few thousand damaged inputs for every reader: `npm run fuzz` tries as many as one has time for. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError } from "../../src/tensor/errors.ts";
import { campaign, type Target } from "./campaign.ts";
import type { Batch } from "./fuzz-child.ts";
import { damaged, damages } from "./mutations.ts";
import { TARGETS, targetNamed } from "./targets.ts";

/** Inputs of each reader: half a second, about. */
const RUNS: Readonly<Record<string, number>> = {
  "lists of CUB": 300,
  tar: 200,
  zip: 200,
  "compressed tar": 100,
  parquet: 200,
  "compressed pages": 150,
  "lists of ImageNet-R": 50,
  "a backbone's folder": 150,
  "index of the image cache": 100,
  "JPEG of 128 pixels and more": 80,
  "PNG, WebP, GIF and small JPEG": 150,
};
/** A damaged cache is made anew; what a page has is refused by whoever reads it. */
const NEVER_REFUSED = ["index of the image cache", "compressed pages"];
const sound = { slow: 0, large: 0, uncaught: [] };

test.each(TARGETS.map(({ name }) => name))("%s: read or refused, soon and in little memory", async (name) => {
  const runs = RUNS[name] ?? 1000;
  const outcome = await campaign(targetNamed(name), 1993, runs);
  expect(outcome).toMatchObject({ ...sound, tried: runs });
  if (!NEVER_REFUSED.includes(name)) expect(outcome.refused).toBeGreaterThan(0);
  expect(outcome.refused).toBeLessThan(runs); // sound ones are among them
});

const kept = JSON.parse(readFileSync(new URL("kept.json", import.meta.url), "utf8")) as readonly Batch[];
test.runIf(kept.length > 0)("what has failed before holds", async () => {
  for (const { target, seed, runs } of kept) {
    expect(await campaign(targetNamed(target), seed, runs)).toMatchObject(sound);
  }
});

describe("the campaign itself", () => {
  const target = (read: Target["read"]): Target => ({
    name: `${read}`,
    sounds: () => [Uint8Array.of(1, 2, 3)],
    read,
  });

  test("counts refusals, and ends at what is thrown besides, with what leads there again", async () => {
    const refusing = target(() => {
      throw new InputError("no");
    });
    expect(await campaign(refusing, 1, 20)).toMatchObject({ tried: 20, refused: 20, uncaught: [] });
    const failing = target((bytes) => {
      if (bytes.length > 3) throw new TypeError("a fault");
    });
    const { uncaught, tried } = await campaign(failing, 1, 200);
    expect(uncaught).toHaveLength(1);
    expect(uncaught[0]!.error).toMatch(/TypeError: a fault/);
    expect(damaged([Uint8Array.of(1, 2, 3)], uncaught[0]!.damage).length).toBeGreaterThan(3);
    expect(tried).toBeLessThan(200);
  });

  test("counts what takes too long and too much", async () => {
    const limits = { seconds: 0.1, memory: 2 ** 26 };
    const slow = target(() => {
      for (const start = process.cpuUsage(); process.cpuUsage(start).user < 0.11e6; );
    });
    expect(await campaign(slow, 1, 1, limits)).toMatchObject({ slow: 1, large: 0 });
    const large = target(() => void Buffer.alloc(process.resourceUsage().maxRSS * 1024 + 2 ** 27, 1));
    expect(await campaign(large, 1, 1, limits)).toMatchObject({ large: 1 });
  });

  test("the same seed gives the same inputs, some of them sound", () => {
    const inputs = () => fc.sample(damages(3), { seed: 5, numRuns: 50 });
    expect(inputs()).toEqual(inputs());
    expect(inputs().some(({ edits }) => edits.length === 0)).toBe(true);
  });
});
