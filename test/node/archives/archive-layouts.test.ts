/** @file Layouts inside archives: the same data set as from folders, and what is refused. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/dataset.ts";
import { cub200 } from "../../../src/node/benchmarks/cub200.ts";
import { openFolder } from "../../../src/node/benchmarks/folder.ts";
import { imagenetR } from "../../../src/node/benchmarks/imagenet-r.ts";
import { refusalIn } from "../../support/refusal.ts";
import { type ArchiveFile, tarOf, zipOf } from "./archives.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-archives-"));
});
afterEach(() => rm(root, { recursive: true }));

const PATHS = ["train/a/1.jpg", "train/a/2.png", "train/b/1.jpg", "test/a/1.jpg", "test/b/9.webp"];
const filesOf = (paths: readonly string[]): ArchiveFile[] =>
  paths.map((path) => ({ path, bytes: Buffer.from(`image ${path}`) }));
const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
async function contents(dataset: Dataset): Promise<string[]> {
  return Promise.all(
    [...dataset.train, ...dataset.test].map(async (sample) => {
      const image = await dataset.read(sample);
      return `${sample.id} ${sample.label} ${image.kind === "encoded" && Buffer.from(image.bytes)}`;
    }),
  );
}

const ARCHIVES: [string, (files: readonly ArchiveFile[]) => Promise<Uint8Array>][] = [
  ["x.tar", (files) => tarOf(files)],
  ["x.zip", async (files) => zipOf(files)],
  ["x.tgz", async (files) => gzipSync(await tarOf(files))],
  ["x.tar.gz", async (files) => gzipSync(await tarOf(files))],
];

describe.each(ARCHIVES)("benchmark folder over %s", (name, packed) => {
  test("lists and reads the same as over the folder", async () => {
    for (const { path, bytes } of filesOf(PATHS)) {
      await mkdir(dirname(join(root, "x", path)), { recursive: true });
      await writeFile(join(root, "x", path), bytes!);
    }
    const others = [
      "notes.txt",
      "train/.DS_Store",
      "train/a/._1.jpg",
      "__MACOSX/train/a/1.jpg",
      ".git/x.jpg",
    ];
    await writeFile(join(root, name), await packed(filesOf([...others, ...[...PATHS].reverse()])));
    const [fromFolder, fromArchive] = [await openFolder(join(root, "x")), await openFolder(join(root, name))];
    expect([fromArchive.name, fromArchive.classNames]).toEqual([fromFolder.name, fromFolder.classNames]);
    expect(await contents(fromArchive)).toEqual(await contents(fromFolder));
  });

  test("holds out the same images by the seed", async () => {
    const paths = Array.from({ length: 20 }, (_, image) => `${image % 2 ? "cat" : "dog"}/${image}.jpg`);
    await writeFile(join(root, name), await packed(filesOf(paths)));
    const dataset = await openFolder(join(root, name), 3);
    for (const { path, bytes } of filesOf(paths)) {
      await mkdir(dirname(join(root, "x", path)), { recursive: true });
      await writeFile(join(root, "x", path), bytes!);
    }
    expect(dataset.test).toEqual((await openFolder(join(root, "x"), 3)).test);
  });

  test("names what is wrong inside", async () => {
    await writeFile(join(root, name), await packed(filesOf(["train/a/1.txt", "test/a/1.jpg"])));
    expect(await refusal(openFolder(join(root, name)))).toMatch(
      /^DIR\/x\.(tar|zip)\/train\/a: no JPEG, PNG or WebP image for this class \(it has 1 other files\)/,
    );
    await rm(join(root, "x.tar"), { force: true });
    await writeFile(join(root, name), await packed(filesOf([...PATHS, "../evil.jpg"])));
    expect(await refusal(openFolder(join(root, name)))).toMatch(
      /^DIR\/x\.[a-z.]+: entry "..\/evil.jpg" leads out of the archive; refused/,
    );
    expect((await readdir(root)).filter((file) => file !== name)).toEqual([]);
  });

  test("that is cut off", async () => {
    await writeFile(join(root, name), await packed(filesOf(PATHS)));
    await truncate(join(root, name), (await readFile(join(root, name))).length >> 1);
    expect(await refusal(openFolder(join(root, name)))).toMatch(
      /^DIR\/x\.[a-z.]+: can't be read as an archive \(.*\); it may be cut off: fetch it again$/,
    );
    expect(await readdir(root)).toEqual([name]);
  });
});

describe("a compressed tar", () => {
  test("becomes a tar beside it once, which is used from then on", async () => {
    await writeFile(join(root, "x.tgz"), gzipSync(await tarOf(filesOf(PATHS))));
    await openFolder(join(root, "x.tgz"));
    expect(await readdir(root)).toEqual(["x.tar", "x.tgz"]);
    await writeFile(join(root, "x.tar"), await tarOf(filesOf(["train/c/1.jpg", "test/c/1.jpg"])));
    expect((await openFolder(join(root, "x.tgz"))).classNames).toEqual(["c"]);
  });

  test("that unfolds to far more than images do is refused, and nothing is left", async () => {
    const bomb = await tarOf([{ path: "train/a/1.jpg", bytes: new Uint8Array(90 * 2 ** 20) }]);
    await writeFile(join(root, "x.tgz"), gzipSync(bomb));
    expect(await refusal(openFolder(join(root, "x.tgz")))).toMatch(
      /^DIR\/x.tgz: unfolds to more than 6\d{7} bytes from \d+; refused: no archive of images shrinks so much/,
    );
    expect(await readdir(root)).toEqual(["x.tgz"]);
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(isRoot)(`in a folder of others${isRoot ? " (SKIPPED: run as root)" : ""}`, async () => {
    await writeFile(join(root, "x.tgz"), gzipSync(await tarOf(filesOf(PATHS))));
    await chmod(root, 0o555);
    const message = await refusal(openFolder(join(root, "x.tgz")));
    await chmod(root, 0o755);
    expect(message).toMatch(/^DIR\/x.tgz: has to be unpacked once beside itself, but the folder can't be/);
  });
});

test("neither folder nor archive", async () => {
  await writeFile(join(root, "x.rar"), "");
  expect(await refusal(openFolder(join(root, "x.rar")))).toMatch(
    /^DIR\/x.rar: neither a folder nor an archive/,
  );
});

describe("official archives", () => {
  const numbers = Array.from({ length: 200 }, (_, index) => index);

  test("imagenet-r.tar beside other files: WNIDs below imagenet-r/", async () => {
    const wnids = numbers.map((number) => `n${String(1443537 + number * 7).padStart(8, "0")}`);
    const paths = wnids.flatMap((wnid) => [1, 2, 3, 4, 5].map((image) => `imagenet-r/${wnid}/${image}.jpg`));
    await writeFile(
      join(root, "imagenet-r.tar"),
      await tarOf([
        { path: "imagenet-r/", type: "directory" },
        ...filesOf([...paths, "imagenet-r/README.txt"]),
      ]),
    );
    for (const data of [root, join(root, "imagenet-r.tar")]) {
      const dataset = await imagenetR.open({ data });
      expect([dataset.name, dataset.classNames]).toEqual(["imagenet-r (80 to 20 by seed 1993)", wnids]);
      expect([dataset.train.length, dataset.test.length]).toEqual([800, 200]);
    }
    await writeFile(join(root, "imagenet-r.tar"), await tarOf(filesOf(paths.slice(5))));
    expect(await refusal(imagenetR.open({ data: root }))).toMatch(
      /^DIR\/imagenet-r.tar\/imagenet-r: found 199 class folders; ImageNet-R has 200/,
    );
  });

  test("CUB_200_2011.tgz as it is downloaded", async () => {
    const classes = numbers.map((number) => `${String(number + 1).padStart(3, "0")}.Bird_${number}`);
    const text = (path: string, rows: readonly string[]): ArchiveFile => ({
      path: `CUB_200_2011/${path}`,
      bytes: Buffer.from(`${rows.join("\n")}\n`),
    });
    const files = [
      { path: "./attributes.txt", bytes: Buffer.from("1 has_bill_shape::curved") },
      text(
        "classes.txt",
        classes.map((name, index) => `${index + 1} ${name}`),
      ),
      text(
        "images.txt",
        classes.map((name, index) => `${index + 1} ${name}/bird.jpg`),
      ),
      text(
        "image_class_labels.txt",
        numbers.map((index) => `${index + 1} ${index + 1}`),
      ),
      text(
        "train_test_split.txt",
        numbers.map((index) => `${index + 1} ${index % 2}`),
      ),
      ...filesOf(classes.map((name) => `CUB_200_2011/images/${name}/bird.jpg`)),
    ];
    await writeFile(join(root, "CUB_200_2011.tgz"), gzipSync(await tarOf(files)));
    const dataset = await cub200.open({ data: root });
    expect([dataset.name, dataset.train.length, dataset.test.length]).toEqual(["cub200", 100, 100]);
    const image = await dataset.read(dataset.train[0]!);
    expect(image.kind === "encoded" && Buffer.from(image.bytes).toString()).toBe(
      `image CUB_200_2011/images/${classes[1]}/bird.jpg`,
    );
    await rm(join(root, "CUB_200_2011.tar"));
    await writeFile(join(root, "CUB_200_2011.tgz"), gzipSync(await tarOf(files.slice(0, -3))));
    expect(await refusal(cub200.open({ data: root }))).toBe(
      `images.txt: ${classes[197]}/bird.jpg is not in DIR/CUB_200_2011.tar/CUB_200_2011/images (and 2 more); unpack the archive again`,
    );
  });
});
