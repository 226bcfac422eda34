/** @file A learner in a real browser: two tasks learned, kept over a reload, a third class, undo, and the file in Node. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Evaluation, LearnerInfo, LearnResult, Prediction } from "../../src/learner/index.ts";
import { createLearner, openLearner } from "../../src/node/learner/learner.ts";
import { CHROMIUM } from "../support/browser.ts";
import { type CallLab, type LabSite, openLab } from "../support/lab.ts";
import { missing } from "../support/services.ts";
import { writeTinyBackbone } from "../support/tiny-backbone.ts";
import { writeToyFolder } from "../support/toy-folder.ts";

interface Learned {
  readonly result: LearnResult;
  readonly losses: readonly number[];
  readonly phases: readonly string[];
}

const TRAIN = 8;
const TEST = 4;
const root = mkdtempSync(join(tmpdir(), "fm-lora-web-"));
const urls = (use: string, label: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `/images/${use}/class-${label}/${i}.png`);
/** The same images as URLs of the page and as paths in Node. */
const train = (...labels: readonly number[]) =>
  Object.fromEntries(labels.map((label) => [`class-${label}`, urls("train", label, TRAIN)]));
const tests = (...labels: readonly number[]) =>
  Object.fromEntries(labels.map((label) => [`class-${label}`, urls("test", label, TEST)]));
const inNode = (classes: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(classes).map(([name, own]) => [name, own.map((url) => join(root, url))]));

/** Prints every loss, for docs/browser.md. */
const CURVES = process.env.FMLORA_CURVES !== undefined;
const SHIPPED = "/models/vit-tiny-patch8-64";
const TINY = { backbone: "/tiny", method: "lda" };
/** Rows that begin at ln 2: cosine rows from class means have little loss left to compare on images as easy as these. */
const LINEAR = { rows: "linear", rowStart: "zero" };
const SLOWER = { distillation: 0, firstBasesRate: 0.001, basesRate: 0.0002, coreRate: 0.005 };
const FM_LORA = { backbone: "/tiny", options: { rank: 8 }, seed: 3 };
const TRAINS = { train: "always", epochs: 3 } as const;

const nothing = missing("Chromium", CHROMIUM, ".ci/services");
let site: LabSite;

beforeAll(async () => {
  if (nothing) return;
  await writeToyFolder(join(root, "images"), { classes: 4, train: TRAIN, test: TEST });
  writeTinyBackbone(join(root, "tiny"));
  site = await openLab({
    "/images/": { folder: join(root, "images") },
    "/tiny/": { folder: join(root, "tiny") },
    "/models/": { folder: join(import.meta.dirname, "../../models") },
  });
});
afterAll(async () => {
  await site?.close();
  rmSync(root, { recursive: true, force: true });
});

const close = (found: readonly number[], expected: readonly number[], most: number): void => {
  expect(found).toHaveLength(expected.length);
  const differences = found.map((value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...differences)).toBeLessThan(most);
};

describe.skipIf(nothing)("a learner in Chromium", () => {
  test("learns with the backbone that comes along, keeps it over a reload, and gives Node the same answers", async () => {
    const { page, call } = await site.open();
    const shipped = { backbone: SHIPPED, seed: 3 };
    await call("create", { ...shipped, folder: "my model" });
    const [first, second] = [
      await call<Learned>("learn", train(0, 1), TRAINS),
      await call<Learned>("learn", train(2), TRAINS),
    ];
    expect(first.result).toMatchObject({ added: ["class-0", "class-1"], images: 16, trained: true });
    expect(first.phases).toEqual(expect.arrayContaining(["reading", "training", "checking"]));
    expect(second.result).toMatchObject({ added: ["class-2"], trained: false });
    await call("save");
    await page.reload();
    expect(await call("modelNames")).toEqual(["my model"]);
    expect(await call("open", "my model", shipped)).toEqual(["class-0", "class-1", "class-2"]);
    const evaluation = await call<Evaluation>("evaluate", tests(0, 1, 2));
    expect(evaluation.accuracy).toBeGreaterThan(0.9);
    const third = await call<Learned>("learn", train(3, 0), TRAINS);
    expect(third.result).toMatchObject({ added: ["class-3"], updated: [], repeated: TRAIN });
    expect(await call("classes")).toEqual(["class-0", "class-1", "class-2", "class-3"]);
    await call("undo");
    expect(await call("classes")).toEqual(["class-0", "class-1", "class-2"]);
    await call("rename", "class-2", "a third");
    await call("save");

    const images = Object.values(tests(0, 1, 2)).flat();
    const answers = await call<Prediction[]>("predict", images);
    const file = join(root, "model.safetensors");
    writeFileSync(file, Buffer.from(await call<string>("files"), "base64"));
    const node = await openLearner(root, { threads: 1, workers: 0, readOnly: true }); // its backbone by its name
    expect(node.classes).toEqual(["class-0", "class-1", "a third"]);
    const same = await node.predict(images.map((url) => join(root, url)));
    await node.dispose();
    expect(same.map(({ label }) => label)).toEqual(answers.map(({ label }) => label));
    for (const [i, { classes, strangeness }] of same.entries()) {
      close(
        classes.map(({ probability }) => probability),
        answers[i]!.classes.map(({ probability }) => probability),
        1e-4,
      );
      expect(strangeness).toBeCloseTo(answers[i]!.strangeness!, 3);
    }
  }, 300_000);

  test.each([
    [
      "a small random network",
      { ...FM_LORA, options: { rank: 8, ...LINEAR, ...SLOWER } },
      join(root, "tiny"),
      12,
    ],
    [
      "the backbone that comes along",
      { backbone: SHIPPED, options: { ...LINEAR, ...SLOWER }, seed: 3 },
      "vit-tiny-patch8-64",
      CURVES ? 6 : 3,
    ],
  ])(
    "has the losses of Node's over a whole run, within 1e-5: %s",
    async (name, options, here, epochs) => {
      const { call, page } = await site.open();
      await call("create", options);
      const node = await createLearner({ ...options, backbone: here, threads: 1, workers: 0 });
      const learning = { train: "always", epochs } as const;
      const curves: { step: number; page: number; node: number }[] = [];
      for (const labels of [
        [0, 1],
        [2, 3],
      ]) {
        const there = await call<Learned>("learn", train(...labels), learning);
        const losses: number[] = [];
        const result = await node.learn(
          { classes: inNode(train(...labels)) },
          {
            ...learning,
            onProgress: ({ loss }) => {
              if (loss !== undefined) losses.push(loss);
            },
          },
        );
        close(there.losses, losses, 1e-5);
        expect(there.result).toEqual(result);
        curves.push(...losses.map((loss, i) => ({ step: i + 1, page: there.losses[i]!, node: loss })));
      }
      expect(curves).toHaveLength(2 * epochs);
      const most = Math.max(...curves.map((each) => Math.abs(each.page - each.node)));
      console.log(`${name}: losses differ by ${most.toExponential(1)} at most`);
      if (CURVES) console.table(curves);
      const { ranks } = (await call<LearnerInfo>("info")).tasks[1]!;
      expect(ranks).toEqual((await node.info()).tasks[1]!.ranks);
      await node.dispose();
      await page.close();
    },
    180_000,
  );

  test("takes images in every form, and says in one line what it doesn't take", async () => {
    const { call } = await site.open();
    await call("create", TINY);
    await call("learn", train(0, 1));
    const answers = await call<Prediction[]>("forms", urls("test", 1, 1)[0]);
    expect(answers).toHaveLength(6);
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await call("failures")).toEqual([
      "InputError: image 1 of those given: photo.png is a path, and there are no files here; give the image's bytes",
      "InputError: image 1 of those given: expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it",
      "InputError: image 1 of those given: can't be decoded (The source image could not be decoded.); replace or remove it",
      "Error: the card was pulled out",
      'InputError: class "empty": has no images; add some or leave it out',
      'InputError: there is no class "nobody"; it knows: class-0, class-1',
    ]);
    expect(await call("classes")).toEqual(["class-0", "class-1"]);
  });

  test("fetches a backbone once, and needs no server then", async () => {
    const { page, call } = await site.open();
    site.asked();
    await call("create", { ...TINY, folder: "one" });
    const files = ["/tiny/config.json", "/tiny/preprocessor_config.json", "/tiny/model.safetensors"];
    expect(site.asked().filter((path) => path.startsWith("/tiny/"))).toEqual(files);
    expect(await call("downloads")).toEqual(files.map((path) => site.origin + path));
    await call("dispose");
    await call("create", { ...TINY, folder: "two" });
    expect(site.asked().filter((path) => path.startsWith("/tiny/"))).toEqual([]);
    await call("dispose");
    const wrong = (backbone: string) =>
      call("create", { backbone }).then(
        () => "created",
        (error: Error) =>
          error.message.replaceAll(site.origin, "SITE").replace(/^.*?InputError: |\n[\s\S]*$/g, ""),
      );
    expect(await wrong("/gone")).toBe(
      "SITE/gone/config.json: the server has no such file; expected a folder with config.json, preprocessor_config.json and model.safetensors",
    );
    expect(await wrong("http://localhost:9/nowhere")).toBe(
      "http://localhost:9/nowhere/config.json: can't be fetched (Failed to fetch); connect, or try again",
    );
    await page.close();
  });

  test("is stopped in the middle, and is as it was", async () => {
    const { call } = await site.open();
    await call("create", FM_LORA);
    await call("learn", train(0, 1), TRAINS);
    const before = await call("files");
    expect(await call("learnUntilTraining", train(2, 3), { train: "always", epochs: 50 })).toBe("enough");
    expect(await call("files")).toBe(before);
    expect(await call("classes")).toEqual(["class-0", "class-1"]);
  });

  test("survives a tab that is closed while it trains; a second tab is told that it is at work", async () => {
    const one = await site.open();
    await one.call("create", { ...FM_LORA, folder: "shared" });
    await one.call("learn", train(0, 1), TRAINS);
    await one.call("save");
    await one.call("beginTraining", train(2, 3), { train: "always", epochs: 200 });
    const two = await site.open(one.page);
    const refused = async (): Promise<string> => messageOf(two.call("open", "shared", { backbone: "/tiny" }));
    expect(await refused()).toBe(
      'a learner is at work on the model "shared", perhaps in another tab; close it there, or choose another name',
    );
    expect(await two.call("open", "shared", { backbone: "/tiny", readOnly: true })).toHaveLength(2);
    expect(await messageOf(two.call("removeModel", "shared"))).toContain("is at work on the model");
    await one.page.close();
    await expect.poll(() => opened(two.call), { timeout: 20_000 }).toEqual(["class-0", "class-1"]);
    await two.call("dispose");
    await two.call("removeModel", "shared");
    expect(await two.call("modelNames")).toEqual([]);
  }, 120_000);

  test("keeps the old model where there is no room for the new one", async () => {
    const { page, call } = await site.open();
    await call("create", { ...TINY, folder: "full" });
    await call("learn", train(0, 1));
    await call("save");
    await call("learn", train(2));
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: site.origin, quotaSize: 1 });
    expect(await messageOf(call("save"))).toBe(
      'the browser has no room left for the model "full"; what is stored of it is as it was: free some, or take the file elsewhere',
    );
    await devtools.send("Storage.overrideQuotaForOrigin", { origin: site.origin });
    await page.reload();
    expect(await call("open", "full", { backbone: "/tiny" })).toEqual(["class-0", "class-1"]);
    await call("learn", train(2));
    await call("save");
    await page.reload();
    expect(await call("open", "full", { backbone: "/tiny" })).toHaveLength(3);
  });

  test("refuses a second model of one name, a model that isn't there, and a model of other weights", async () => {
    const { call } = await site.open();
    await call("create", { ...TINY, folder: "mine" });
    await call("learn", train(0, 1));
    await call("save");
    const model = await call<string>("files");
    await call("dispose");
    expect(await messageOf(call("create", { ...TINY, folder: "mine" }))).toBe(
      'another model is stored as "mine" already; open that one, or choose another name',
    );
    expect(await messageOf(call("open", "yours", { backbone: "/tiny" }))).toBe(
      'there is no model "yours" in this browser; there are: mine',
    );
    expect(await messageOf(call("openFile", model, { backbone: SHIPPED }))).toContain(
      "was trained on other weights than vit-tiny-patch8-64 has",
    );
    expect(await call("openFile", model, { backbone: "/tiny" })).toEqual(["class-0", "class-1"]);
    await call("save", "a copy/of mine.");
    expect(await call("modelNames")).toEqual(["a copy/of mine.", "mine"]);
  });
});

const opened = (call: CallLab): Promise<unknown> =>
  call("open", "shared", { backbone: "/tiny" }).catch((error: Error) => error.message);

/** Of what a function of the page is rejected with. */
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "done",
    (error: Error) => error.message.replace(/^.*?InputError: |\n[\s\S]*$/g, ""),
  );
