/** @file A learner in Node: its folder, its files, who may write there, and runs that are learned on. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeModel, encodeModel } from "../../../src/learner/model-file.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { classFolders } from "../../../src/node/learner/class-folders.ts";
import { createLearner, openLearner } from "../../../src/node/learner/learner.ts";
import { openModel } from "../../../src/node/runs/model.ts";
import { runBenchmark } from "../../../src/node/runs/run.ts";
import { refusalIn } from "../../support/refusal.ts";
import { writeTinyBackbone } from "../../support/tiny-backbone.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";

const root = mkdtempSync(join(tmpdir(), "fm-lora-learner-"));
const at = (...path: string[]): string => join(root, ...path);
const refusal = (work: Promise<unknown>) => refusalIn(root, work);
const common = { threads: 1, workers: 0 };
const made = { ...common, backbone: at("backbone"), method: "lda" };

/** Classes of these labels, from the files on disk. */
async function photos(labels: readonly number[], use = "train"): Promise<Record<string, string[]>> {
  const all = await classFolders(at("images", use));
  return Object.fromEntries(labels.map((label) => [`class-${label}`, all[`class-${label}`]!]));
}

/** A folder with a learner that has learned twice. */
async function learnedTwice(name: string): Promise<string> {
  const learner = await createLearner(made);
  await learner.learn({ classes: await photos([0, 1]) });
  await learner.save(at(name));
  await learner.learn({ classes: await photos([2]) });
  await learner.save();
  await learner.dispose();
  return at(name);
}

beforeAll(async () => {
  await writeToyFolder(at("images"), { classes: 6, train: 8, test: 3 });
  writeTinyBackbone(at("backbone"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe("a folder", () => {
  test("keeps what was learned, and one state before it", async () => {
    const path = await learnedTwice("kept");
    expect(readdirSync(path).sort()).toEqual(["model.json", "model.safetensors", "previous-1.safetensors"]);
    const learner = await openLearner(path, common);
    expect(learner.classes).toEqual(["class-0", "class-1", "class-2"]);
    const files = Object.values(await photos([0, 1, 2], "test")).flat();
    const answers = await learner.predict(files);
    expect(answers.filter(({ label }, i) => files[i]!.includes(`${label}/`)).length).toBeGreaterThan(6);
    await learner.undo();
    await learner.save();
    expect(learner.classes).toEqual(["class-0", "class-1"]);
    await learner.dispose();
    expect(readdirSync(path).sort()).toEqual(["model.json", "model.safetensors"]);
    const again = await openLearner(path, common);
    expect((await again.info()).canUndo).toBe(false);
    expect((await again.learn({ classes: await photos([0, 1]) })).repeated).toBe(16);
    await again.dispose();
  });

  test("is a model that openModel answers with as the learner does", async () => {
    const path = await learnedTwice("model");
    const learner = await openLearner(path, { ...common, readOnly: true });
    await learner.removeClass("class-1");
    const file = Object.values(await photos([2], "test")).flat()[0]!;
    const [answer] = await learner.predict([file]);
    await expect(learner.save()).rejects.toThrow("the learner is in no folder yet");
    await learner.save(at("model-less"));
    const model = await openModel(at("model-less"), { threads: 1 });
    expect(model.classNames).toEqual(["class-0", "class-2"]);
    const bytes = readFileSync(file);
    const images = await sharpTransform({ kind: "encoded", bytes }, model.preprocessing, null);
    const [same] = await model.classify({ images, count: 1 });
    expect(same!.label).toBe(answer!.label);
    expect(same!.classes.map(({ className }) => className)).toEqual(
      answer!.classes.map(({ className }) => className),
    );
    expect(same!.strangeness).toBeCloseTo(answer!.strangeness!, 3);
    await model.dispose();
    await learner.dispose();
  });

  test("has one learner at a time; others may answer", async () => {
    const path = await learnedTwice("shared");
    const learner = await openLearner(path, common);
    const reader = await openLearner(path, { ...common, readOnly: true });
    await reader.predict((await photos([0], "test"))["class-0"]!);
    await reader.dispose();
    const busy = (await refusal(openLearner(path, common))).replace(
      /process \d+ on \S+/,
      "process N on HOST",
    );
    expect(busy).toBe(
      "DIR/shared: process N on HOST is at work there; wait until it ends, or choose another --model",
    );
    await learner.dispose();
    const next = await openLearner(path, common);
    await next[Symbol.asyncDispose]();
  });

  test("that a kill has left between two files is the model as it was", async () => {
    const path = await learnedTwice("killed");
    // The next save had written the state before, and not yet the model.
    copyFileSync(join(path, "model.safetensors"), join(path, "previous-2.safetensors"));
    const learner = await openLearner(path, common);
    expect(learner.classes).toEqual(["class-0", "class-1", "class-2"]);
    await learner.undo();
    expect(learner.classes).toEqual(["class-0", "class-1"]);
    await learner.save();
    await learner.dispose();
    expect(readdirSync(path).sort()).toEqual(["model.json", "model.safetensors"]);
  });
});

describe("a run's model", () => {
  test("is learned on, undone, and answers with predict as before", async () => {
    const out = at("run");
    await runBenchmark({
      benchmark: "folder",
      data: at("images"),
      backbone: at("backbone"),
      methodOptions: { rank: 8 },
      tasks: 3,
      epochs: 1,
      batchSize: 8,
      microBatch: 4,
      threads: 1,
      workers: 0,
      out,
    });
    const before = readFileSync(join(out, "model", "model.safetensors"));
    const learner = await openLearner(out, common);
    expect(learner.classes).toHaveLength(6);
    const class6 = { "class-6": (await photos([0]))["class-0"]! };
    const result = await learner.learn({ classes: class6 }, { train: "never" });
    expect(result.added).toEqual(["class-6"]);
    await learner.save();
    expect(learner.classes).toHaveLength(7);
    expect((await learner.info()).tasksBefore).toBe(3);
    await learner.dispose();
    const model = await openModel(out, { threads: 1 });
    expect(model.classNames).toHaveLength(7);
    await model.dispose();
    const again = await openLearner(out, common);
    await again.undo();
    await again.save();
    expect(again.classes).toHaveLength(6);
    await again.dispose();
    const { tensors } = decodeModel(readFileSync(join(out, "model", "model.safetensors")), "after");
    for (const [name, { data }] of Object.entries(decodeModel(before, "before").tensors)) {
      expect(tensors[name]!.data, name).toEqual(data);
    }
  });
});

test("each wrong use is one line, and leaves the model as it was", async () => {
  const path = await learnedTwice("wrong");
  const before = readFileSync(join(path, "model.safetensors"));
  const { tensors, description } = decodeModel(before, "model");
  const variant = (name: string, change: object): string => {
    mkdirSync(at(name));
    writeFileSync(at(name, "model.safetensors"), encodeModel(tensors, { ...description, ...change }));
    return at(name);
  };
  mkdirSync(at("empty"));
  mkdirSync(at("no-images", "cat"), { recursive: true });
  mkdirSync(at("flat"));
  copyFileSync(at("images", "train", "class-0", "0.png"), at("flat", "0.png"));
  writeFileSync(at("file"), "");
  const learner = await openLearner(path, common);
  const fresh = await createLearner(made);
  await fresh.learn({ classes: await photos([0]) });
  expect([
    await refusal(classFolders(at("empty"))),
    await refusal(classFolders(at("no-images"))),
    await refusal(classFolders(at("flat"))),
    await refusal(classFolders(at("gone"))),
    await refusal(learner.learn({ classes: { cat: [at("file")] } })),
    await refusal(learner.learn({ classes: { cat: [at("gone.png")] } })),
    await refusal(openLearner(variant("later", { format: 4 }), common)),
    await refusal(
      openLearner(variant("later-learner", { learner: { ...description.learner, version: 2 } }), common),
    ),
    await refusal(openLearner(variant("homeless", { backbone: at("moved") }), common)),
    await refusal(openLearner(at("empty"), common)),
    await refusal(fresh.save(at("file", "below"))),
    await refusal(fresh.save(at("later"))),
    await refusal(createLearner({ ...made, folder: at("later") })),
  ]).toMatchInlineSnapshot(`
    [
      "DIR/empty: found no class folders; expected one folder a class, with images in it",
      "DIR/no-images/cat: no JPEG, PNG, WebP or GIF image for this class; add some or remove the folder",
      "DIR/flat: found images but no class folders; expected one folder a class: give the folder above it, if this is one class",
      "DIR/gone: no such folder; expected a folder with images",
      "DIR/file: expected a JPEG, PNG, WebP or GIF image, found an empty file; convert, replace or remove it",
      "DIR/gone.png: no such file",
      "DIR/later/model.safetensors: a model of format 4, this program reads 3; open it with the version that wrote it",
      "DIR/later-learner/model.safetensors: a learner of version 2, this program reads 1; open it with the version that wrote it",
      "DIR/homeless: its backbone is gone: --backbone DIR/moved: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name; say with \`backbone\` where it is now",
      "DIR/empty: there is no model (model.safetensors); fmlora learn and fmlora run write one, or name another --model",
      "DIR/file/below: cannot be written: a part of the path is a file, not a folder; choose another --model",
      "DIR/later: another model is there already; open that one, or choose another folder",
      "DIR/later: another model is there already; open that one, or choose another folder",
    ]
  `);
  await fresh.dispose();
  await learner.dispose();
  expect(readFileSync(join(path, "model.safetensors")).equals(before)).toBe(true);
  expect(existsSync(at("empty", ".lock"))).toBe(false);
  renameSync(at("backbone"), at("elsewhere"));
  const moved = await openLearner(path, { ...common, backbone: at("elsewhere") });
  expect(moved.classes).toHaveLength(3);
  await moved.dispose();
});
