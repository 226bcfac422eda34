/** @file `fmlora learn` and the commands beside it, as a user types them. */
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { writeToyFolder } from "../support/toy-folder.ts";
import { Workplace } from "./command.ts";

/** Many commands, each of which starts Node. */
vi.setConfig({ testTimeout: 600_000 });

const place = new Workplace();
const at = (...path: string[]): string => join(place.path, ...path);
const onBackbone = ["--backbone", "backbone", "--threads", "1"];

beforeAll(async () => {
  await place.prepare();
  // Two days' photos: four classes, then the other two and further photos of one.
  for (const label of [0, 1, 2, 3]) {
    cpSync(at("images", "train", `class-${label}`), at("day-1", `class-${label}`), { recursive: true });
  }
  for (const label of [4, 5]) {
    cpSync(at("images", "train", `class-${label}`), at("day-2", `class-${label}`), { recursive: true });
  }
  await writeToyFolder(at("more"), { classes: 1, train: 12, test: 0 });
  cpSync(at("more", "train", "class-0"), at("day-2", "class-0"), { recursive: true });
});
afterAll(() => place.remove());

const done = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await place.fmlora(args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout.replaceAll(/in [\d.]+ s/g, "in N s");
};

describe("a learner", () => {
  test("learns a folder a day, answers, tells about itself, and takes back", async () => {
    expect(await done("learn", "day-1", "--model", "mine", ...onBackbone)).toMatch(
      /^new: class-0, class-1, class-2, class-3\n32 images in N s\nfewer than 16 images a class: training was not tried\n[\d.]+ % of 8 held-out images are answered right\n$/,
    );
    expect(await done("learn", "day-1", "--model", "mine")).toBe(
      "all 32 images were learned before: nothing is new\n",
    );
    const second = await done("learn", "day-2", "--model", "mine", "--domain", "evening", "--json");
    expect(JSON.parse(second)).toMatchObject({
      added: ["class-4", "class-5"],
      updated: ["class-0"],
      images: 20,
      repeated: 8,
      trained: false,
    });

    const photo = join("images", "test", "class-2", "0.png");
    expect(
      await done("predict", photo, "--model", "mine", "--top", "2", "--unknown-threshold", "Infinity"),
    ).toMatch(
      /^images.test.class-2.0\.png: class-2 [01]\.\d{3}, class-\d [01]\.\d{3} \(distance [\d.]+\)\n$/,
    );
    expect(await done("predict", photo, "--model", "mine", "--unknown-threshold", "-1000")).toMatch(
      /: unknown, nearest class-2 [01]\.\d{3} \(distance [\d.]+\)\n$/,
    );
    const json = await done("predict", "images/test", "--model", "mine", "--json", "--top", "3");
    const lines = json
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(18);
    expect(Object.keys(lines[0].probabilities)).toHaveLength(3);
    expect(typeof lines[0].strangeness).toBe("number");

    const measured = await done("evaluate", "images/test", "--model", "mine");
    expect(measured).toMatch(/^[\d.]+ % of 18 images\n {2}class-0: [\d.]+ % of 3\n/);
    const info = await done("info", "--model", "mine");
    expect(info).toMatch(
      /^fm-lora, heads lda, rows, backbone backbone \([\d,]+ parameters\)\n6 classes: class-0 \(12\), /,
    );
    expect(info).toMatch(/the last learn can be taken back\n/);
    expect(info).toMatch(/\nlearn 2, evening: 20 images of class-4, class-5, class-0\n/);
    expect(JSON.parse(await done("info", "--model", "mine", "--json")).tasks).toHaveLength(2);

    expect(await done("rename-class", "class-1", "dog", "--model", "mine")).toBe("class-1 is dog now\n");
    expect(await done("undo", "--model", "mine")).toBe("it knows again: class-0, dog, class-2, class-3\n");
    expect(await place.refused("undo", "--model", "mine")).toMatchInlineSnapshot(
      `"fmlora: there is nothing to undo: one learn can be taken back, and none after a class was removed [2]"`,
    );
    expect(await done("remove-class", "dog", "--model", "mine")).toMatch(/this is no unlearning/);
    expect(await done("info", "--model", "mine")).not.toContain("dog");
  });

  test("trains where it is told to, and Ctrl-C leaves the model as it was", async () => {
    const options = ["--train", "always", "--epochs", "2", ...onBackbone];
    expect(await done("learn", "day-1", "--model", "trained", ...options)).toContain(
      "training was asked for",
    );
    const before = readFileSync(at("trained", "model.safetensors"));
    let stopped = false;
    const command = ["learn", "day-2", "--model", "trained", "--train", "always", "--epochs", "2000"];
    const running = place.fmlora(command, (_, kill) => kill("SIGINT"));
    const lock = at("trained", ".lock");
    for (let i = 0; i < 600 && !stopped; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (!existsSync(lock)) continue;
      await new Promise((resolve) => setTimeout(resolve, 3000)); // well within the training
      process.kill(JSON.parse(readFileSync(lock, "utf8")).pid, "SIGINT");
      stopped = true;
    }
    const { code, stderr } = await running;
    expect(code).toBe(130);
    expect(stderr).toContain("fmlora: stopped; the model is as it was\n");
    expect(readFileSync(at("trained", "model.safetensors")).equals(before)).toBe(true);
  });
});

test("each wrong use is one line, and makes no folder", async () => {
  mkdirSync(at("empty"));
  mkdirSync(at("no-images", "cat"), { recursive: true });
  mkdirSync(at("broken", "cat"), { recursive: true });
  writeFileSync(at("broken", "cat", "1.png"), "no image");
  writeFileSync(at("file"), "");
  cpSync(at("backbone"), at("leaving"), { recursive: true });
  await done("learn", "day-1", "--model", "other", "--backbone", "leaving", "--method", "lda");
  renameSync(at("leaving"), at("left"));
  const learn = (folder: string, model: string, ...more: string[]) =>
    place.refused("learn", folder, "--model", model, ...more);
  expect([
    await learn("empty", "new", ...onBackbone),
    await learn("no-images", "new", ...onBackbone),
    await learn("gone", "new", ...onBackbone),
    await learn("broken", "new", ...onBackbone),
    await learn("day-1", "file/below", ...onBackbone),
    await learn("day-1", "new", "--backbone", "nowhere"),
    await learn("day-2", "other"),
    await learn("day-2", "other", "--method", "ncm"),
    await learn("day-2", "other", "--train", "maybe"),
    await learn("day-2", "other", "--epochs", "none"),
    await place.refused("evaluate", "day-2", "--model", "other", "--backbone", "left"),
    await place.refused("info", "--model", "new"),
    await place.refused("remove-class", "dog", "--model", "other", "--backbone", "left"),
    await place.refused("predict", "file", "--model", "other", "--top", "0"),
  ]).toMatchInlineSnapshot(`
    [
      "fmlora: empty: found no class folders; expected one folder a class, with images in it [2]",
      "fmlora: no-images/cat: no JPEG, PNG, WebP or GIF image for this class; add some or remove the folder [2]",
      "fmlora: gone: no such folder; expected a folder with images [2]",
      "fmlora: broken/cat/1.png: expected a JPEG, PNG, WebP or GIF image, found some other content; convert, replace or remove it [2]",
      "fmlora: file/below: cannot be written: a part of the path is a file, not a folder; choose another --model [2]",
      "fmlora: --backbone nowhere: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name [2]",
      "fmlora: other: its backbone is gone: --backbone leaving: no such folder, and no shipped backbone of that name (vit-tiny-patch8-64); one of the Hugging Face Hub is named organization/name; say with --backbone where it is now [2]",
      "fmlora: --method ncm: is for a new model, and other has one; leave it out [2]",
      "fmlora: option '--train <when>' argument 'maybe' is invalid. Allowed choices are auto, always, never. [2]",
      "fmlora: --epochs "none": expected a whole number above 0 [2]",
      "fmlora: there is no class "class-4" (did you mean class-0?); it knows: class-0, class-1, class-2, class-3 [2]",
      "fmlora: new: there is no model (model.safetensors); fmlora learn and fmlora run write one, or name another --model [2]",
      "fmlora: there is no class "dog"; it knows: class-0, class-1, class-2, class-3 [2]",
      "fmlora: --top "0": expected a whole number above 0 [2]",
    ]
  `);
  expect(existsSync(at("new"))).toBe(false);
});
