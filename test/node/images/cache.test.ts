import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Preprocessing, Sample, View } from "../../../src/data/dataset.ts";
import { openImageCache } from "../../../src/node/images/cache.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { wavePattern } from "../../data/pillow-cases.ts";

const preprocessing: Preprocessing = {
  size: 16,
  cropFraction: 0.875,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
};
const samples: readonly Sample[] = [0, 1, 2, 3].map((i) => ({ id: `${i}.jpg`, label: 0, domain: 0 }));
const views: readonly (View | null)[] = [
  null,
  { crop: null, flip: true },
  { crop: { scale: [0.2, 0.9], ratio: [0.75, 1.3], seed: 4 }, flip: false },
  { crop: { scale: [0.02, 0.1], ratio: [0.75, 1.3], seed: 5 }, flip: true },
];
/** Two JPEGs, a gray one, and one with transparency, whose whole is not kept. */
const files = await Promise.all(
  samples.map(({ id }) => {
    const image = sharp(wavePattern(60, 40).data, { raw: { width: 60, height: 40, channels: 3 } });
    if (id === "3.jpg") return image.ensureAlpha(0.5).png().toBuffer();
    return (id === "2.jpg" ? image.toColourspace("b-w") : image).jpeg().toBuffer();
  }),
);
let folder: string;
let changed = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "fm-lora-cache-"));
  changed = "";
});
afterEach(() => rmSync(folder, { recursive: true }));

/** One pass over samples and views through a cache: its pixels, how many files it read, and what it told. */
async function pass(limit?: number) {
  const notices: string[] = [];
  const dataset = { name: "some set", source: async ({ id }: Sample) => `/photos/${id} ${id === changed}` };
  const cache = openImageCache(folder, dataset, (text) => notices.push(text), limit);
  let reads = 0;
  const pixels: Uint8Array[] = [];
  try {
    for (const [i, sample] of samples.entries())
      for (const view of views) {
        const read = async () => {
          reads++;
          return { kind: "encoded", bytes: files[i]! } as const;
        };
        const wanted = { sample, preprocessing, view, read, transform: sharpTransform };
        pixels.push(await cache.pixels(wanted));
      }
  } finally {
    await cache.close();
  }
  return { pixels, reads, notices };
}

const expected = await Promise.all(
  files.flatMap((bytes) =>
    views.map((view) => sharpTransform({ kind: "encoded", bytes }, preprocessing, view)),
  ),
);
const expectPixels = (pixels: readonly Uint8Array[]): void => {
  for (const [i, one] of pixels.entries())
    expect(Buffer.from(one).equals(expected[i]!), `case ${i}`).toBe(true);
};
const fileEnding = (ending: string): string =>
  join(folder, readdirSync(folder).find((name) => name.startsWith("some_set-16") && name.endsWith(ending))!);

describe("openImageCache(folder, dataset, notice)", () => {
  test("gives the pixels of no cache, and reads no file again, but what has transparency", async () => {
    const first = await pass();
    expectPixels(first.pixels);
    expect(first.reads).toBe(2 * 3 + 3); // a view and the whole of each; the transparent one's crops both times
    const second = await pass();
    expectPixels(second.pixels);
    expect(second.reads).toBe(2);
    expect(second.notices).toEqual([]);
  });

  test("decodes a file again that has changed, and no other", async () => {
    await pass();
    changed = "1.jpg";
    expect((await pass()).reads).toBe(2 + 2);
  });

  test("cuts off what a kill left half written", async () => {
    await pass();
    appendFileSync(fileEnding(".index"), '["half a li');
    appendFileSync(fileEnding(".images"), "half an image");
    const { pixels, reads, notices } = await pass();
    expectPixels(pixels);
    expect([reads, notices]).toEqual([2, []]);
  });

  test.each([
    ["an index that is no index", (): void => writeFileSync(fileEnding(".index"), "something else\n")],
    ["an index with a wrong line", (): void => appendFileSync(fileEnding(".index"), "[1,2]\n")],
    ["pixels that are cut off", (): void => writeFileSync(fileEnding(".images"), new Uint8Array(100))],
  ])("starts anew at %s, and says so", async (_, damage) => {
    await pass();
    damage();
    const { pixels, reads, notices } = await pass();
    expectPixels(pixels);
    expect(reads).toBe(4 + 2);
    expect(notices).toEqual([
      expect.stringMatching(/some_set-16.*the image cache is damaged; it is made anew/),
    ]);
    expect((await pass()).reads).toBe(2);
  });

  test("decodes a single image again whose pixels have changed, and says so", async () => {
    await pass();
    const file = fileEnding(".images");
    const bytes = readFileSync(file);
    bytes[16 * 16 * 3 + 5]! ^= 1;
    writeFileSync(file, bytes);
    const { pixels, reads, notices } = await pass();
    expectPixels(pixels);
    expect(reads).toBe(1 + 2);
    expect(notices).toEqual([expect.stringMatching(/an image in the cache is damaged; it is decoded again/)]);
    expect((await pass()).notices).toEqual([]);
  });

  test("two at a time: the second reads, and writes nothing", async () => {
    const dataset = { name: "some set", source: async ({ id }: Sample) => id };
    const holder = openImageCache(folder, dataset, () => {});
    const read = async () => ({ kind: "encoded", bytes: files[0]! }) as const;
    const wanted = { sample: samples[0]!, preprocessing, view: null, read, transform: sharpTransform };
    await holder.pixels(wanted);
    const before = readFileSync(fileEnding(".index"), "utf8");
    const { pixels, notices } = await pass();
    expectPixels(pixels);
    expect(notices).toEqual([]);
    expect(readFileSync(fileEnding(".index"), "utf8")).toBe(before);
    await holder.close();
    expect(existsSync(`${fileEnding(".index").replace(/\.index$/, "")}.lock`)).toBe(false);
  });

  test("stops growing at its limit, and says so once", async () => {
    const { pixels, notices } = await pass(16 * 16 * 3 * 2);
    expectPixels(pixels);
    expect(notices).toHaveLength(2); // one for each of its two files
    expect(readFileSync(fileEnding(".images")).length).toBe(16 * 16 * 3 * 2);
  });

  test("a folder that cannot be written is an error that says what to do", async () => {
    writeFileSync(join(folder, "file"), "");
    const cache = openImageCache(join(folder, "file"), { name: "x", source: async () => "x" }, () => {});
    const read = async () => ({ kind: "encoded", bytes: files[0]! }) as const;
    const wanted = { sample: samples[0]!, preprocessing, view: null, read, transform: sharpTransform };
    await expect(cache.pixels(wanted)).rejects.toThrow(/the image cache cannot be written: .*--cache off/);
    await cache.close();
  });
});
