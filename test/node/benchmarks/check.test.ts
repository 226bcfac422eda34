/** @file `fmlora data check` on whole and broken copies. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/dataset.ts";
import { checkDataset } from "../../../src/node/benchmarks/check.ts";
import { openFolder } from "../../../src/node/benchmarks/folder.ts";
import { type ArchiveFile, tarOf } from "../archives/archives.ts";
import { picture } from "../archives/pictures.ts";
import { data } from "./check-command.ts";

const DOMAINS = ["photo", "art_painting", "cartoon", "sketch"];
const CLASSES = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"];
const place = mkdtempSync(join(tmpdir(), "fm-lora-check-"));
const whole = join(place, "whole");
const copy = join(place, "copy");
const images: ArchiveFile[] = [];

/** PACS's layout: two images a class, domain and part, in pacs.tar. */
beforeAll(async () => {
  mkdirSync(whole);
  for (const domain of DOMAINS) {
    for (const part of ["train", "test"]) {
      const rows = CLASSES.flatMap((name, label) =>
        ["", "2"].map((number) => [`${domain}/${name}/${part}${number}.jpg`, label] as const),
      );
      for (const [path] of rows) images.push({ path, bytes: await picture(path) });
      const list = rows.map((row) => `${row.join(" ")}\n`).join("");
      writeFileSync(join(whole, `${domain}_${part}.txt`), list);
    }
  }
  writeFileSync(join(whole, "pacs.tar"), await tarOf(images));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(copy, { recursive: true, force: true });
  cpSync(whole, copy, { recursive: true });
});

/** Output, line and exit code, the folder as DIR. */
const check = async (...args: string[]): Promise<string> =>
  (await data("check", ...args)).replaceAll(copy, "DIR").replaceAll(place, "PLACE");
const rewrite = (file: string, change: (text: string) => string): void =>
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")));
/** pacs.tar with some files changed. */
const repack = async (change: (file: ArchiveFile) => ArchiveFile): Promise<void> =>
  writeFileSync(join(copy, "pacs.tar"), await tarOf(images.map(change)));

describe("fmlora data check pacs", () => {
  test("counts classes, domains and images", async () => {
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(`
      "pacs: 7 classes, 4 domains, 56 training and 56 test images
        photo: 14 training and 14 test images
        art_painting: 14 training and 14 test images
        cartoon: 14 training and 14 test images
        sketch: 14 training and 14 test images
        56 of 112 images decoded (all with --decode)
        no problem found
      "
    `);
    expect(await check("pacs", "--data", copy, "--decode")).toContain("\n  112 of 112 images decoded\n");
  });

  test("names a missing folder, list, archive and image", async () => {
    expect(await check("pacs")).toMatch(
      /^fmlora: pacs: no data folder given; it needs a folder with .* \[2\]$/,
    );
    expect(await check("pacs", "--data", join(place, "none"))).toMatch(
      /^fmlora: PLACE\/none: no such folder; pacs needs/,
    );
    rewrite("sketch_test.txt", (text) => text.replace("sketch/dog/test.jpg", "sketch/dog/lost.jpg"));
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(
      `"fmlora: sketch_test.txt line 1: sketch/dog/lost.jpg is not in DIR/pacs.tar; add what is missing, or take it off the list [2]"`,
    );
    rmSync(join(copy, "pacs.tar"));
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(`
      "pacs: can't be opened
        problem: DIR: no images of domain photo; expected photo/ or an archive photo or pacs (.tar, .zip or .tgz)
        problem: DIR: no images of domain art_painting; expected art_painting/ or an archive art_painting or pacs (.tar, .zip or .tgz)
        problem: DIR: no images of domain cartoon; expected cartoon/ or an archive cartoon or pacs (.tar, .zip or .tgz)
        problem: DIR: no images of domain sketch; expected sketch/ or an archive sketch or pacs (.tar, .zip or .tgz)
      fmlora: DIR: 4 problems; the first: DIR: no images of domain photo; expected photo/ or an archive photo or pacs (.tar, .zip or .tgz) [2]"
    `);
    rmSync(join(copy, "sketch_test.txt"));
    expect(await check("pacs", "--data", copy)).toMatch(/^fmlora: DIR: sketch_test.txt missing; pacs needs /);
  });

  test("says where the lists are if one level deeper", async () => {
    const above = join(place, "above");
    cpSync(whole, join(above, "pacs"), { recursive: true });
    expect(await check("pacs", "--data", above)).toBe(
      "fmlora: PLACE/above: the lists are in PLACE/above/pacs; give that as --data [2]",
    );
  });

  test("lists everything that is wrong with the lists, with exit code 2", async () => {
    rewrite("photo_train.txt", (text) => text.replace("dog/train.jpg 0", "dog/train.jpg"));
    rewrite("cartoon_test.txt", (text) => text.replace("cartoon/horse/test.jpg", "../horse/test.jpg"));
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(`
      "pacs: can't be opened
        problem: photo_train.txt line 1: "photo/dog/train.jpg" has no label; expected a path and a number, as in "photo/dog/1.jpg 0"
        problem: cartoon_test.txt line 9: "../horse/test.jpg" leads out of the data folder; expected a path below it
      fmlora: DIR: 2 problems; the first: photo_train.txt line 1: "photo/dog/train.jpg" has no label; expected a path and a number, as in "photo/dog/1.jpg 0" [2]"
    `);
    cpSync(whole, copy, { recursive: true });
    rewrite("photo_train.txt", (text) => text.replace("dog/train.jpg 0", "dog/train.jpg 7"));
    rewrite("sketch_train.txt", (text) => `${text}sketch/dog/test.jpg 0\nsketch/cat/9.jpg 8\n`);
    rewrite("art_painting_test.txt", (text) => text.replaceAll("art_painting/dog/", "art_painting/dogs/"));
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(`
      "pacs: can't be opened
        problem: photo_train.txt line 2: class "dog" has label 0, but photo_train.txt line 1 gives "dog" label 7 (and 13 more lines); each label is one class in all lists
        problem: sketch_test.txt line 1: sketch/dog/test.jpg is also in sketch_train.txt; list each image once
        problem: photo_train.txt, photo_test.txt, art_painting_train.txt, art_painting_test.txt, cartoon_train.txt, cartoon_test.txt, sketch_train.txt, sketch_test.txt: 9 classes are listed; expected 7 classes with the labels 0 to 6
        problem: art_painting_test.txt line 1: art_painting/dogs/test.jpg is not in DIR/pacs.tar (and 1 more of this list); add what is missing, or take it off the list
        problem: sketch_train.txt line 16: sketch/cat/9.jpg is not in DIR/pacs.tar; add what is missing, or take it off the list
      fmlora: DIR: 5 problems; the first: photo_train.txt line 2: class "dog" has label 0, but photo_train.txt line 1 gives "dog" label 7 (and 13 more lines); each label is one class in all lists [2]"
    `);
  });

  test("names a tar that is cut off", async () => {
    truncateSync(join(copy, "pacs.tar"), 20_000);
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(
      `"fmlora: DIR/pacs.tar: can't be read as an archive (it ends within photo/giraffe/test2.jpg); it may be cut off: fetch it again [2]"`,
    );
  });

  test("decodes the first image of each class, domain and part, and all when asked", async () => {
    const broken = ["photo/dog/train.jpg", "cartoon/person/test2.jpg"];
    await repack((file) =>
      broken.includes(file.path) ? { ...file, bytes: file.bytes!.subarray(0, -30) } : file,
    );
    const quick = await check("pacs", "--data", copy);
    expect(quick).toMatch(
      /\n {2}problem: photo\/dog\/train.jpg: can't be decoded \(.*\); replace or remove it\n/,
    );
    expect(quick).toMatch(/fmlora: DIR: 1 problem; the first: photo\/dog\/train.jpg: can't .* \[2\]$/);
    const thorough = await check("pacs", "--data", copy, "--decode");
    expect(thorough).toMatch(/problem: cartoon\/person\/test2.jpg: can't be decoded/);
    expect(thorough).toContain("fmlora: DIR: 2 problems; the first: photo/dog/train.jpg");
  });

  test("lists a hundred problems and counts the others", async () => {
    await repack((file) => ({ ...file, bytes: Buffer.from("version https://git-lfs.github.com/spec/v1") }));
    const found = await check("pacs", "--data", copy, "--decode");
    expect(found.match(/ {2}problem: .*found some other content/g)).toHaveLength(100);
    expect(found).toContain("\n  and 12 more problems\n");
  });

  test("refuses unknown benchmarks and options of others, in one line", async () => {
    expect(await check("pcas", "--data", copy)).toMatch(
      /^fmlora: there is no benchmark "pcas"; expected one of: .* \[2\]$/,
    );
    expect(await check("pacs", "--data", copy, "--split-seed", "3")).toBe(
      "fmlora: --split-seed is an option of benchmark imagenet-r; benchmark pacs doesn't have it [2]",
    );
    expect(await check()).toBe("fmlora: missing required argument 'benchmark' [2]");
    expect(await check("pacs", "--dekode")).toBe(
      "fmlora: unknown option '--dekode' (did you mean --decode?) [2]",
    );
  });
});

test("a benchmark without a folder is checked as well, with its options", async () => {
  expect(await check("emoji", "--classes", "5")).toContain(
    "emoji: 5 classes, 6 domains, 25 training and 5 test",
  );
});

describe("checkDataset", () => {
  /** Class folders with the given images; the content is that of the file's name after "=". */
  async function folder(...files: readonly string[]): Promise<Dataset> {
    rmSync(copy, { recursive: true, force: true });
    for (const file of files) {
      const [path, content = path] = file.split("=");
      mkdirSync(join(copy, path!, ".."), { recursive: true });
      writeFileSync(join(copy, path!), await picture(content!));
    }
    return openFolder(copy);
  }

  test("names classes that one part lacks, and tells how far it is", async () => {
    const dataset = await folder("train/a/1.jpg", "test/a/2.jpg", "train/b/1.jpg", "test/b/2.jpg");
    const seen: number[][] = [];
    const result = await checkDataset(
      { ...dataset, test: dataset.test.slice(0, 1) },
      { decode: true, onProgress: (...each) => seen.push(each) },
    );
    expect(result.problems).toEqual(['class "b" has no test image; add some, or remove the class']);
    expect(seen).toEqual([
      [2, 3],
      [3, 3],
    ]);
  });

  test("names an image that lies in train/ and test/, under the same name or another", async () => {
    const same = await folder("train/a/0.jpg", "train/a/1.jpg=x", "test/a/0.jpg=y", "test/a/1.jpg=x");
    expect((await checkDataset(same)).problems).toEqual([
      "test/a/1.jpg: the same image as train/a/1.jpg; remove one, or the test tells nothing",
    ]);
    const renamed = await folder("train/a/0.jpg=x", "test/a/1.jpg=x");
    expect((await checkDataset(renamed)).problems).toEqual([
      "1 of 1 test images looked at are training images, byte by byte (the first: test/a/1.jpg is train/a/0.jpg); take them out of one part, or fetch the data again",
    ]);
    const other = await folder("train/a/1.jpg=x", "test/a/1.jpg=y");
    expect(await checkDataset(other)).toMatchObject({ problems: [], notes: [] });
  });

  test("a few shared images are a note: CIFAR-100 has some", async () => {
    const tests = Array.from({ length: 30 }, (_, image) => `test/a/t${image}.jpg`);
    const dataset = await folder("train/a/0.jpg=test/a/t7.jpg", ...tests);
    const { problems, notes } = await checkDataset(dataset, { decode: true });
    expect(problems).toEqual([]);
    expect(notes[0]).toMatch(/^1 of 30 test images .* \(the first: test\/a\/t7.jpg is train\/a\/0.jpg\)$/);
  });
});

const shared = resolve("../shared/data/pacs");
const found = existsSync(join(shared, "pacs.tar"));
test.skipIf(!found)(`the real PACS${found ? "" : ` (SKIPPED: ${shared} is not there)`}`, async () => {
  expect(await data("check", "pacs", "--data", shared)).toMatch(
    /^pacs: 7 classes, 4 domains, 4,803 training and 1,183 test images\n[\s\S]*no problem found\n$/,
  );
});
