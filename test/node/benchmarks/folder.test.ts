import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { batches } from "../../../src/data/loader.ts";
import { folder, openFolder } from "../../../src/node/benchmarks/folder.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { InputError } from "../../../src/tensor/errors.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-folder-"));
});
afterEach(() => rm(root, { recursive: true }));

/** Writes files below `root`, one letter long unless given. */
async function files(...paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), "x");
  }
}
const ids = (samples: readonly { readonly id: string }[]): string[] => samples.map(({ id }) => id);

describe("openFolder(root) with train/ and test/", () => {
  test("lists classes and files by their characters, and leaves out hidden and other files", async () => {
    await files(
      "train/b/10.jpg",
      "train/b/2.PNG",
      "train/b/.hidden.jpg",
      "train/b/notes.txt",
      "train/B/x.webp",
    );
    await files("train/.cache/x.jpg", "test/b/1.jpeg", "test/B/1.jpg", "test/.DS_Store");
    const dataset = await openFolder(root);
    expect(dataset.classNames).toEqual(["B", "b"]);
    expect(ids(dataset.train)).toEqual(["train/B/x.webp", "train/b/10.jpg", "train/b/2.PNG"]);
    expect(dataset.test.map(({ label }) => label)).toEqual([0, 1]);
    expect(await dataset.read(dataset.train[0]!)).toEqual({
      kind: "encoded",
      bytes: new Uint8Array(Buffer.from("x")),
    });
  });

  test("follows linked class folders", async () => {
    await files("elsewhere/1.jpg", "set/train/a/1.jpg", "set/test/a/1.jpg", "set/train/b/1.jpg");
    await symlink(join(root, "elsewhere"), join(root, "set/test/b"));
    expect(ids((await openFolder(join(root, "set"))).test)).toEqual(["test/a/1.jpg", "test/b/1.jpg"]);
  });

  test.each<[string, string[], RegExp]>([
    [
      "names the classes that one side lacks",
      ["train/a/1.jpg", "train/b/1.jpg", "test/a/1.jpg", "test/c/1.jpg"],
      /missing: test\/b, train\/c$/,
    ],
    [
      "a class of other files",
      ["train/a/1.heic", "test/a/1.jpg"],
      /train.a: no JPEG, PNG or WebP image.*1 other files/,
    ],
    ["no test folder", ["train/a/1.jpg"], /found train\/ but no test\//],
    ["no class folder", ["train/1.jpg", "test/1.jpg"], /no class folders/],
    ["images without class folders", ["1.jpg"], /found images but no class folders/],
  ])("refuses: %s", async (_, paths, message) => {
    await files(...paths);
    await expect(openFolder(root)).rejects.toThrow(InputError);
    await expect(openFolder(root)).rejects.toThrow(message);
  });

  test("refuses an empty class folder, an empty folder and a missing one, with their paths", async () => {
    await expect(openFolder(root)).rejects.toThrow(`${root}: found no class folders`);
    await mkdir(join(root, "cat"));
    await expect(openFolder(root)).rejects.toThrow(
      `${join(root, "cat")}: no JPEG, PNG or WebP image for this class (the folder is empty)`,
    );
    const nowhere = join(root, "nowhere");
    await expect(openFolder(nowhere)).rejects.toThrow(InputError);
    await expect(openFolder(nowhere)).rejects.toThrow(`${nowhere}: no such folder`);
  });
});

describe("openFolder(root, seed) with class folders only", () => {
  const cats = Array.from({ length: 10 }, (_, number) => `cat/${number}.jpg`);

  test("holds a fifth of each class for testing, chosen by the seed and by nothing else", async () => {
    await files(...cats, "dog/1.jpg", "dog/2.jpg");
    const first = await openFolder(root, 1);
    expect([first.train.length, first.test.length]).toEqual([9, 3]);
    expect([...ids(first.train), ...ids(first.test)].sort()).toEqual(
      [...cats, "dog/1.jpg", "dog/2.jpg"].sort(),
    );
    expect(ids((await openFolder(root, 1)).test)).toEqual(ids(first.test));
    const tests = await Promise.all(
      [2, 3, 4].map(async (seed) => ids((await openFolder(root, seed)).test).join()),
    );
    expect(new Set(tests).size).toBeGreaterThan(1);
    await files("bird/1.jpg", "bird/2.jpg");
    expect(ids((await openFolder(root, 1)).test)).toEqual(expect.arrayContaining(ids(first.test)));
  });

  test("refuses a class of one image", async () => {
    await files("cat/1.jpg", "dog/1.jpg", "dog/2.jpg");
    await expect(openFolder(root)).rejects.toThrow(/cat: one image can't be split/);
  });
});

test("a corrupt JPEG stops a pass with its name, or is skipped with a reason", async () => {
  await files("train/a/1.jpg", "train/a/2.jpg", "test/a/1.jpg");
  const jpeg = await sharp({ create: { width: 40, height: 40, channels: 3, background: "#804020" } })
    .jpeg()
    .toBuffer();
  await writeFile(join(root, "train/a/1.jpg"), jpeg.subarray(0, jpeg.length - 40));
  await writeFile(join(root, "train/a/2.jpg"), jpeg);
  const dataset = await folder.open({ data: root });
  const base = {
    dataset,
    samples: dataset.train,
    position: [0],
    transform: sharpTransform,
    preprocessing: { size: 8, mean: [0, 0, 0], std: [1, 1, 1], interpolation: "bicubic", cropFraction: null },
    batchSize: 4,
    prefetch: 2,
  } as const;
  await expect(batches({ ...base, onUnreadable: "fail" }).next()).rejects.toThrow(
    /^train\/a\/1.jpg: can't be decoded \(/,
  );
  const skipped: string[] = [];
  const pass = batches({ ...base, onUnreadable: "skip", onSkip: (id) => skipped.push(id) });
  expect((await pass.next()).value).toMatchObject({ count: 1 });
  expect(skipped).toEqual(["train/a/1.jpg"]);
});

test("a file that went away is named", async () => {
  await files("train/a/1.jpg", "test/a/1.jpg");
  const dataset = await openFolder(root);
  await rm(join(root, "train/a/1.jpg"));
  await expect(dataset.read(dataset.train[0]!)).rejects.toThrow(/^train\/a\/1.jpg: can't be read from/);
});
