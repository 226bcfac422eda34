/** @file A learner in memory: what it learns, answers and takes back. */
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { type RawPixels, restoreLearner } from "../../src/learner/index.ts";
import { bytesOf, classes, FM_LORA, images, learnerWith, open, platform, test4 } from "./toy-learner.ts";

describe("learning", () => {
  test("new classes, one alone, further images and a new look; known classes stay known", async () => {
    const learner = await learnerWith();
    const first = await learner.learn({ classes: classes([0, 1, 2], 10) });
    expect(first).toMatchObject({
      added: ["class 0", "class 1", "class 2"],
      updated: [],
      images: 30,
      repeated: 0,
      trained: false,
      reason: "the method lda trains nothing",
      heldOut: { images: 6 },
    });
    const alone = await learner.learn({ classes: classes([3], 10) });
    expect(alone.added).toEqual(["class 3"]);
    const dark = { "class 0": images(0, 10, { domain: 1 }), "class 4": images(4, 10) };
    const mixed = await learner.learn({ classes: dark, domain: "dark" });
    expect(mixed).toMatchObject({ added: ["class 4"], updated: ["class 0"], images: 20 });
    expect(learner.classes).toEqual(["class 0", "class 1", "class 2", "class 3", "class 4"]);
    const { accuracy, images: count } = await learner.evaluate(test4([0, 1, 2, 3, 4]));
    expect(count).toBe(20);
    expect(accuracy).toBeGreaterThan(0.8);
    const info = await learner.info();
    expect(info.classes).toEqual({
      "class 0": 20,
      "class 1": 10,
      "class 2": 10,
      "class 3": 10,
      "class 4": 10,
    });
    expect(info.tasks.map(({ domain, added, updated }) => ({ domain, added, updated }))).toEqual([
      { domain: null, added: ["class 0", "class 1", "class 2"], updated: [] },
      { domain: null, added: ["class 3"], updated: [] },
      { domain: "dark", added: ["class 4"], updated: ["class 0"] },
    ]);
    expect(info.similarity[1]![1]).toBeCloseTo(1, 6);
    expect(Math.abs(info.similarity[0]![2]!)).toBeLessThanOrEqual(1);
  });

  test("the same images again are recognized, and change nothing", async () => {
    const learner = await learnerWith();
    await learner.learn({ classes: classes([0, 1], 6) });
    const before = await bytesOf(learner);
    const again = await learner.learn({ classes: classes([1, 0], 6) });
    expect(again).toMatchObject({
      images: 0,
      repeated: 12,
      reason: "all 12 images were learned before: nothing is new",
    });
    expect((await bytesOf(learner)).equals(before)).toBe(true);
    const more = await learner.learn({ classes: classes([0], 8) });
    expect(more).toMatchObject({ updated: ["class 0"], images: 2, repeated: 6 });
  });

  test("training where it is asked for, and the same bytes from the same seed", async () => {
    const files: Buffer[] = [];
    for (let run = 0; run < 2; run++) {
      const learner = await learnerWith(FM_LORA);
      const phases = new Set<string>();
      const options = {
        train: "always",
        onProgress: ({ phase }: { phase: string }) => phases.add(phase),
      } as const;
      const result = await learner.learn({ classes: classes([0, 1], 10) }, options);
      expect(result).toMatchObject({ trained: true, reason: "training was asked for" });
      expect([...phases]).toEqual(["reading", "looking", "training", "checking"]);
      await learner.learn({ classes: classes([2, 3], 10) }, options);
      const { tasks } = await learner.info();
      expect(Object.values(tasks[1]!.ranks).length).toBeGreaterThan(0);
      files.push(await bytesOf(learner));
    }
    expect(files[0]!.equals(files[1]!)).toBe(true);
  });

  test("auto keeps the better of both, as held-out images say, and says so", async () => {
    const learner = await learnerWith(FM_LORA);
    const few = await learner.learn({ classes: classes([0, 1], 8) });
    expect(few).toMatchObject({
      trained: false,
      reason: "fewer than 16 images a class: training was not tried",
    });
    const many = await learner.learn({ classes: classes([2, 3], 16) });
    const { compared, accuracy } = many.heldOut!;
    expect(accuracy).toBe(many.trained ? compared!.trained : compared!.untrained);
    expect(many.reason).toMatch(
      /^training (pays|does not pay): [\d.]+ % of 6 held-out images after it, [\d.]+ % without$/,
    );
    const none = await learner.learn({ classes: classes([4, 5], 16) }, { validationShare: 0 });
    expect(none).toMatchObject({ trained: false, heldOut: null });
    expect(await learner.learn({ classes: classes([6, 7], 16) }, { train: "never" })).toMatchObject({
      trained: false,
      reason: "no training was asked for",
    });
  });

  test("a model that kept nothing of its training is the one that never trained", async () => {
    const [auto, never] = [await learnerWith(FM_LORA), await learnerWith(FM_LORA)];
    const easy = classes([0, 1], 20); // right without training: it can't pay
    const tried = await auto.learn({ classes: easy });
    await never.learn({ classes: easy }, { train: "never" });
    expect(tried.reason).toMatch(/^training does not pay/);
    const [a, b] = [await auto.predict(images(0, 3)), await never.predict(images(0, 3))];
    expect(a).toEqual(b);
  });
});

describe("answers", () => {
  test("are the likeliest classes with probabilities that sum to 1, or unknown", async () => {
    const learner = await learnerWith();
    await learner.learn({ classes: classes([0, 1, 2], 20) });
    const [answer] = await learner.predict(images(1, 1, { use: "test" }), { unknownThreshold: Infinity });
    expect(answer).toMatchObject({ label: "class 1", unknown: false });
    expect(answer!.classes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 6);
    const [top] = await learner.predict(images(1, 1, { use: "test" }), { top: 2 });
    expect(top!.classes).toEqual(answer!.classes.slice(0, 2));
    const [strict] = await learner.predict(images(1, 1), { unknownThreshold: -Infinity });
    expect(strict).toMatchObject({ label: "unknown", unknown: true });
    const known = await learner.predict(images(0, 4, { use: "test" }));
    const noise = Array.from({ length: 4 }, (_, i) => ({
      width: 32,
      height: 32,
      data: Uint8Array.from({ length: 3072 }, (_, k) => (k * (7919 + i) * 31) % 256),
    }));
    const strange = await learner.predict(noise);
    const highest = Math.max(...known.map(({ strangeness }) => strangeness!));
    expect(strange.every(({ strangeness }) => strangeness! > highest)).toBe(true);
    expect(strange.every(({ unknown }) => unknown)).toBe(true);
  });

  test("are the same for bytes, blobs, pixels and images that read themselves", async () => {
    const learner = await learnerWith();
    await learner.learn({ classes: classes([0, 1], 6) });
    const [raw] = images(0, 1, { use: "test" }) as [RawPixels];
    const layout = { raw: { width: 32, height: 32, channels: 3 } } as const;
    const png = await sharp(raw.data, layout).png().toBuffer();
    const rgba = new Uint8ClampedArray(32 * 32 * 4).fill(255);
    for (let i = 0; i < 32 * 32; i++) rgba.set(raw.data.subarray(3 * i, 3 * i + 3), 4 * i);
    const answers = await learner.predict([
      raw,
      png,
      new Uint8Array(png),
      new Blob([new Uint8Array(png)]),
      { width: 32, height: 32, data: rgba },
      { name: "mine", read: async () => png },
    ]);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });
});

describe("taking back", () => {
  test("undo is the state before the last learn, to the byte, also after it was restored", async () => {
    const learner = await learnerWith(FM_LORA);
    await learner.learn({ classes: classes([0, 1], 10) }, { train: "always" });
    const before = await bytesOf(learner);
    await learner.learn({ classes: classes([2, 3], 10) }, { train: "always" });
    const { model, previous } = await learner.files();
    const restored = await restoreLearner(model, { ...platform, previous });
    open.push(restored);
    expect(await restored.predict(images(2, 2))).toEqual(await learner.predict(images(2, 2)));
    for (const each of [learner, restored]) {
      await each.undo();
      expect((await bytesOf(each)).equals(before)).toBe(true);
      expect(each.classes).toEqual(["class 0", "class 1"]);
      await expect(each.undo()).rejects.toThrow("there is nothing to undo");
    }
    expect((await learner.learn({ classes: classes([2], 4) })).added).toEqual(["class 2"]);
  });

  test("a renamed class keeps what it is, before and after an undo", async () => {
    const learner = await learnerWith();
    await learner.learn({ classes: classes([0, 1], 6) });
    await learner.learn({ classes: classes([2], 6) });
    await learner.renameClass("class 0", "cat");
    expect(learner.classes).toEqual(["cat", "class 1", "class 2"]);
    expect((await learner.evaluate({ cat: images(0, 4, { use: "test" }) })).accuracy).toBe(1);
    await learner.undo();
    expect(learner.classes).toEqual(["cat", "class 1"]);
    await expect(learner.renameClass("cat", "class 1")).rejects.toThrow('there is a class "class 1" already');
    await expect(learner.renameClass("clas 1", "dog")).rejects.toThrow(
      'there is no class "clas 1" (did you mean class 1?); it knows: cat, class 1',
    );
  });

  test.each([
    ["lda", "ncm"],
    ["gaussian", "aligned"],
    ["aligned", "gaussian"],
    ["ranpac", "lda"],
  ])(
    "a removed class is no answer, leaves no state to undo, and can be learned again: %s",
    async (...heads) => {
      const headOptions = heads.includes("ranpac") ? { randomFeatures: 100 } : {};
      const learner = await learnerWith({ method: "lda", heads, headOptions });
      await learner.learn({ classes: classes([0, 1, 2], 8) });
      await learner.learn({ classes: classes([3], 8) });
      await learner.removeClass("class 1");
      expect(learner.classes).toEqual(["class 0", "class 2", "class 3"]);
      for (const { classes: answers } of await learner.predict(images(1, 3))) {
        expect(answers.map(({ className }) => className)).not.toContain("class 1");
      }
      await expect(learner.undo()).rejects.toThrow("there is nothing to undo");
      expect((await learner.evaluate(test4([0, 2, 3]))).accuracy).toBeGreaterThan(0.9);
      const again = await learner.learn({ classes: classes([1], 8) });
      expect(again).toMatchObject({ added: ["class 1"], repeated: 0 });
      expect((await learner.evaluate(test4([1]))).accuracy).toBeGreaterThan(0.7);
    },
  );
});
