import { describe, expect, test } from "vitest";
import { classIncremental, domainIncremental } from "../../../src/data/stream.ts";
import { emoji, spread } from "../../../src/node/benchmarks/emoji.ts";
import { EMOJI_STYLES, emojiDrawings, requirePackages } from "../../../src/node/benchmarks/emoji-drawings.ts";
import { emojiStyles } from "../../../src/node/benchmarks/emoji-styles.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import type { Benchmark } from "../../../src/run/benchmark.ts";
import { InputError } from "../../../src/tensor/errors.ts";

const preprocessing = {
  size: 96,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  interpolation: "bicubic",
  cropFraction: null,
} as const;

describe("the emoji drawings", () => {
  test("are those that all six sets have, with their subgroup, in Unicode's order", async () => {
    const { emoji: all } = await emojiDrawings();
    expect(all).toHaveLength(1032);
    expect(new Set(all.map(({ name }) => name)).size).toBe(1032);
    expect(new Set(all.map(({ subgroup }) => subgroup)).size).toBe(90);
    expect(all[0]).toEqual({ name: "grinning-face", subgroup: "face-smiling" });
  });

  test("are different pictures in each style, and kept once drawn", async () => {
    const { read } = await emojiDrawings();
    const hearts = EMOJI_STYLES.map((style) => ({ id: `${style}/red-heart`, label: 0, domain: 0 }));
    const pixels = await Promise.all(
      hearts.map(async (one) => sharpTransform(await read(one), preprocessing, null)),
    );
    expect(new Set(pixels.map((one) => one.join())).size).toBe(6);
    for (const heart of pixels) {
      const [corner, center] = [0, (48 * 96 + 48) * 3].map((at) => [...heart.subarray(at, at + 3)]);
      expect(Math.min(...corner!)).toBe(255);
      expect(center![0]).toBeGreaterThan(center![2]! + 60); // red
    }
    expect(await read(hearts[0]!)).toBe(await read(hearts[0]!));
    await expect(read({ id: "noto/no-such", label: 0, domain: 0 })).rejects.toThrow(InputError);
  });

  test("name the npm packages that are missing", () => {
    expect(() => requirePackages(["sharp", "@iconify-json/none"])).toThrow(InputError);
    expect(() => requirePackages(["@iconify-json/none", "none-at-all"])).toThrow(
      /run: npm install @iconify-json\/none none-at-all$/,
    );
  });
});

describe("emoji", () => {
  test("trains on five styles and tests on the sixth, each class once in each", async () => {
    const dataset = await emoji.open({ options: { classes: 30, testStyle: "openmoji" } });
    expect([dataset.classNames.length, dataset.train.length, dataset.test.length]).toEqual([30, 150, 30]);
    expect(dataset.test.every(({ id }) => id.startsWith("openmoji/"))).toBe(true);
    expect(dataset.train.some(({ id }) => id.startsWith("openmoji/"))).toBe(false);
    expect(dataset.augmentation?.flip).toBe(0);
  });

  test("makes 200 classes in 10 tasks by itself, and up to 1,032 in 100", async () => {
    expect(classIncremental(await emoji.open({}), { tasks: emoji.tasks }).tasks[9]?.classes).toHaveLength(20);
    const all = await emoji.open({ options: { classes: 1032 } });
    expect(classIncremental(all, { tasks: 100 }).tasks).toHaveLength(100);
  });

  test("spreads the classes over the subgroups", async () => {
    const { emoji: all } = await emojiDrawings();
    expect(new Set(spread(all, 90).map(({ subgroup }) => subgroup)).size).toBe(90);
    const toy = [..."aaabbc"].map((subgroup, index) => ({ name: `${subgroup}${index}`, subgroup }));
    expect(spread(toy, 4).map(({ name }) => name)).toEqual(["a0", "a1", "b3", "c5"]);
  });

  test.each([
    [{ classes: 1 }, /^benchmark emoji: `classes: 1`: expected a whole number of at least 2/],
    [{ classes: 1033 }, /^benchmark emoji: --classes 1033: expected at most 1032, the emoji that all/],
    [{ classes: "30" }, /^benchmark emoji: `classes: "30"`: expected a whole number/],
    [{ testStyle: "apple" }, /^benchmark emoji: `testStyle: "apple"`: expected one of: twemoji, openmoji/],
    [{ teststyle: "noto" }, /^benchmark emoji: `teststyle`: .* \(did you mean `testStyle`\?\)$/],
  ] as const)("refuses %o", async (options, message) => {
    const erased: Benchmark = emoji;
    await expect(erased.open({ options })).rejects.toThrow(message);
  });
});

describe("emoji-styles", () => {
  test("has every class in every style, and tests on emoji that no style trains on", async () => {
    const dataset = await emojiStyles.open({});
    const { tasks } = domainIncremental(dataset);
    expect(tasks.map(({ name }) => name)).toEqual(EMOJI_STYLES);
    const drawn = (samples: typeof dataset.train) => new Set(samples.map(({ id }) => id.split("/")[1]));
    expect([...drawn(dataset.test)].filter((name) => drawn(dataset.train).has(name))).toEqual([]);
    for (const { train, test: held } of tasks) {
      expect(new Set(train.map(({ label }) => label)).size).toBe(dataset.classNames.length);
      expect(new Set(held.map(({ label }) => label)).size).toBe(dataset.classNames.length);
    }
    expect(dataset.classNames).toHaveLength(38);
    expect([tasks[0]!.train.length, tasks[0]!.test.length]).toMatchInlineSnapshot(`
      [
        560,
        173,
      ]
    `);
  });

  test("takes smaller subgroups when asked, and refuses limits that leave nothing", async () => {
    expect((await emojiStyles.open({ options: { leastEmoji: 8 } })).classNames).toHaveLength(51);
    await expect(emojiStyles.open({ options: { leastEmoji: 3 } })).rejects.toThrow(
      /`leastEmoji: 3`: expected/,
    );
    await expect(emojiStyles.open({ options: { leastEmoji: 45 } })).rejects.toThrow(/leaves 1 classes/);
  });
});
