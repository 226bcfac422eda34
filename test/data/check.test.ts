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
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { failureOf } from "../../src/cli/failures.ts";
import { createProgram } from "../../src/cli/program.ts";
import { checkDataset } from "../../src/node/datasets/check.ts";
import { openFolder } from "../../src/node/datasets/folder.ts";
import { type ArchiveFile, tarOf } from "./archives.ts";

const DOMAINS = ["photo", "art_painting", "cartoon", "sketch"];
const CLASSES = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"];
const place = mkdtempSync(join(tmpdir(), "fm-lora-check-"));
const whole = join(place, "whole");
const copy = join(place, "copy");
let jpeg: Buffer;
const images: ArchiveFile[] = [];

/** PACS's layout: an image a class, domain and part, in pacs.tar. */
beforeAll(async () => {
  jpeg = await sharp({ create: { width: 40, height: 30, channels: 3, background: "#804020" } })
    .jpeg()
    .toBuffer();
  mkdirSync(whole);
  for (const domain of DOMAINS) {
    for (const part of ["train", "test"]) {
      const paths = CLASSES.map((name) => `${domain}/${name}/${part}.jpg`);
      images.push(...paths.map((path) => ({ path, bytes: jpeg })));
      writeFileSync(
        join(whole, `${domain}_${part}.txt`),
        paths.map((path, label) => `${path} ${label}\n`).join(""),
      );
    }
  }
  writeFileSync(join(whole, "pacs.tar"), await tarOf(images));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(copy, { recursive: true, force: true });
  cpSync(whole, copy, { recursive: true });
});

/** Standard output, then the line and the exit code of an error; the folder as DIR. */
async function check(...args: string[]): Promise<string> {
  let output = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    output += text;
    return true;
  });
  try {
    await createProgram().parseAsync(["node", "fmlora", "data", "check", ...args]);
  } catch (error) {
    const { message, exitCode } = failureOf(error);
    output += `fmlora: ${message} [${exitCode}]`;
  } finally {
    write.mockRestore();
  }
  return output.replaceAll(copy, "DIR").replaceAll(place, "PLACE");
}
const rewrite = (file: string, change: (text: string) => string): void =>
  writeFileSync(join(copy, file), change(readFileSync(join(copy, file), "utf8")));
/** pacs.tar with some files changed. */
const repack = async (change: (file: ArchiveFile) => ArchiveFile): Promise<void> =>
  writeFileSync(join(copy, "pacs.tar"), await tarOf(images.map(change)));

describe("fmlora data check pacs", () => {
  test("counts classes, domains and images", async () => {
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(`
      "pacs: 7 classes, 4 domains, 28 training and 28 test images
        photo: 7 training and 7 test images
        art_painting: 7 training and 7 test images
        cartoon: 7 training and 7 test images
        sketch: 7 training and 7 test images
        28 of 56 images decoded (all with --decode)
        no problem found
      "
    `);
    expect(await check("pacs", "--data", copy, "--decode")).toContain("\n  56 of 56 images decoded\n");
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
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(
      `"fmlora: DIR: no images of domain photo; expected photo/ or one of photo.zip, photo.tar, pacs.tar, pacs.zip [2]"`,
    );
    rmSync(join(copy, "sketch_test.txt"));
    expect(await check("pacs", "--data", copy)).toMatch(/^fmlora: DIR: sketch_test.txt missing; pacs needs /);
  });

  test("names a tar that is cut off", async () => {
    truncateSync(join(copy, "pacs.tar"), 20_000);
    expect(await check("pacs", "--data", copy)).toMatchInlineSnapshot(
      `"fmlora: DIR/pacs.tar: can't be read as an archive (it ends within art_painting/house/train.jpg); it may be cut off: fetch it again [2]"`,
    );
  });

  test("decodes the first image of each class and domain, and all when asked", async () => {
    const broken = ["photo/dog/train.jpg", "cartoon/person/test.jpg"];
    await repack((file) => (broken.includes(file.path) ? { ...file, bytes: jpeg.subarray(0, -30) } : file));
    const quick = await check("pacs", "--data", copy);
    expect(quick).toMatch(
      /\n {2}problem: photo\/dog\/train.jpg: can't be decoded \(.*\); replace or remove it\n/,
    );
    expect(quick).toMatch(/fmlora: DIR: 1 problem; the first: photo\/dog\/train.jpg: can't .* \[2\]$/);
    const thorough = await check("pacs", "--data", copy, "--decode");
    expect(thorough).toMatch(/problem: cartoon\/person\/test.jpg: can't be decoded/);
    expect(thorough).toContain("fmlora: DIR: 2 problems; the first: photo/dog/train.jpg");
  });

  test("lists ten problems and counts the others", async () => {
    await repack((file) => ({ ...file, bytes: Buffer.from("version https://git-lfs.github.com/spec/v1") }));
    const found = await check("pacs", "--data", copy, "--decode");
    expect(found.match(/ {2}problem: .*found some other content/g)).toHaveLength(10);
    expect(found).toContain("\n  and 46 more problems\n");
  });

  test("refuses unknown benchmarks and options of others, in one line", async () => {
    expect(await check("pcas", "--data", copy)).toMatch(
      /^fmlora: there is no benchmark "pcas"; expected one of: .* \[2\]$/,
    );
    expect(await check("pacs", "--data", copy, "--split-seed", "3")).toBe(
      'fmlora: pacs: there is no option "split-seed"; it has: none [2]',
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

test("checkDataset names classes that one part lacks, and tells how far it is", async () => {
  for (const file of ["train/a/1.jpg", "test/a/1.jpg", "train/b/1.jpg", "test/b/1.jpg"]) {
    mkdirSync(join(copy, file, ".."), { recursive: true });
    writeFileSync(join(copy, file), jpeg);
  }
  const dataset = await openFolder(copy);
  const seen: number[][] = [];
  const result = await checkDataset(
    { ...dataset, test: dataset.test.slice(0, 1) },
    { decode: true, onProgress: (...each) => seen.push(each) },
  );
  expect(result.problems).toEqual(['class "b" has no test image; add some, or remove the class']);
  expect(seen).toEqual([[3, 3]]);
});

const shared = resolve("../shared/data/pacs");
const found = existsSync(join(shared, "pacs.tar"));
test.skipIf(!found)(`the real PACS${found ? "" : ` (SKIPPED: ${shared} is not there)`}`, async () => {
  expect(await check("pacs", "--data", shared)).toMatch(
    /^pacs: 7 classes, 4 domains, 4,803 training and 1,183 test images\n[\s\S]*no problem found\n$/,
  );
});
