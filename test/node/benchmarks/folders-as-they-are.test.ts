/** @file Folders as people have them: what is read, what is told, what is refused by name. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { imagesIn } from "../../../src/cli/images.ts";
import type { Dataset } from "../../../src/data/dataset.ts";
import { openFolder } from "../../../src/node/benchmarks/folder.ts";
import { openPretrainingData } from "../../../src/node/pretraining/dataset.ts";
import { refusalIn } from "../../support/refusal.ts";
import { type ArchiveFile, tarOf, zipOf } from "../archives/archives.ts";
import { picture } from "../archives/pictures.ts";
import { data } from "./check-command.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-as-"));
});
afterEach(() => rm(root, { recursive: true }));

async function files(...paths: readonly (string | Buffer)[]): Promise<void> {
  for (const path of paths) {
    const at = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path)]);
    await mkdir(at.subarray(0, at.lastIndexOf("/")), { recursive: true });
    await writeFile(at, "x");
  }
}
const link = async (to: string, path: string): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await symlink(to, join(root, path));
};
const all = ({ train, test: held }: Dataset): string[] => [...train, ...held].map(({ id }) => id).sort();
const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
/** Files and notices of `features` and `predict`, below the root. */
const named = async () => {
  const found = await imagesIn([root]);
  return { ...found, files: found.files.map((file) => file.slice(root.length + 1)) };
};
const SPLIT = ["train/a/1.jpg", "test/a/1.jpg"];

describe("one rule for what is hidden", () => {
  const HIDDEN = [
    ".hidden.jpg",
    "._1.jpg",
    ".ipynb_checkpoints/1-checkpoint.jpg",
    ".git/x.jpg",
    "__MACOSX/a/1.jpg",
    "@eaDir/1.jpg/thumb.jpg",
  ];
  test("in features and predict, in class folders, in archives, in what is pre-trained on", async () => {
    const within = HIDDEN.map((path) => `a/sub/${path}`);
    await files(
      "a/1.jpg",
      "a/2.jpg",
      "a/sub/3.jpg",
      ...HIDDEN,
      ...HIDDEN.map((path) => `a/${path}`),
      ...within,
    );
    const read = ["a/1.jpg", "a/2.jpg", "a/sub/3.jpg"];
    expect(await named()).toEqual({ files: read, notices: [] });
    expect(all(await openFolder(root))).toEqual(read);
    const packed = [...read, ...HIDDEN, ...within].map((path): ArchiveFile => ({ path }));
    await writeFile(join(root, "x.tar"), await tarOf(packed));
    expect(all(await openFolder(join(root, "x.tar")))).toEqual(read);
    await rm(join(root, "a"), { recursive: true });
    for (const zip of ["train.zip", "val.zip"])
      await writeFile(join(root, zip), zipOf(packed.slice(0, 2).concat(packed.slice(3))));
    const pretraining = await openPretrainingData(root, { seed: 0 });
    expect(pretraining.train.map(({ id }) => id)).toEqual(["train.zip/a/1.jpg", "train.zip/a/2.jpg"]);
  });
});

describe("links", () => {
  test("each real folder once, in circles and tangles", async () => {
    await files("a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg");
    await link(".", "a/loop");
    await link("..", "a/up");
    await link("../a", "b/other");
    for (let knot = 0; knot < 20; knot++) await link("..", `b/knot-${knot}`);
    const read = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"];
    const { files: found, notices } = await named();
    expect(found).toEqual(read);
    expect(notices).toEqual(["links to folders that are read anyway, passed over: 23 (the first: a/loop)"]);
    const dataset = await openFolder(root);
    expect(all(dataset)).toEqual(read);
    expect(dataset.notices).toEqual(notices);
  });

  test("to other places are followed once", async () => {
    await files("elsewhere/1.jpg", "elsewhere/deep/2.jpg", "set/a/1.jpg", "set/a/2.jpg");
    await link("../../elsewhere", "set/a/more");
    await link("../../elsewhere", "set/a/again");
    const read = ["a/1.jpg", "a/2.jpg", "a/again/1.jpg", "a/again/deep/2.jpg"];
    expect(all(await openFolder(join(root, "set")))).toEqual(read);
    expect((await imagesIn([join(root, "set")])).files).toHaveLength(4);
  });

  test("that lead nowhere, where a class may have been, are problems; others are told", async () => {
    await files("a/1.jpg", "a/2.jpg");
    await link("nowhere", "b");
    expect(await refusal(openFolder(root))).toBe("DIR: b: a link that leads nowhere; mend or remove it");
    expect((await named()).notices).toEqual([
      "names that lead to nothing that can be read: 1 (the first: b: a link that leads nowhere); mend or remove them",
    ]);
    await rm(join(root, "b"));
    await files(...SPLIT.map((path) => `s/${path}`));
    await link("nowhere", "s/train/b");
    expect(await refusal(openFolder(join(root, "s")))).toBe(
      "DIR/s/train: b: a link that leads nowhere; mend or remove it",
    );
  });
});

describe("what is in folders of folders, and in other formats", () => {
  test("nested images are their class's, other formats are counted", async () => {
    await files(
      "a/1.jpg",
      "a/2.jfif",
      "a/3.JPE",
      "a/4.gif",
      "a/old/5.png",
      "a/old/older/6.webp",
      "b/1.jpg",
      "b/2.jpg",
    );
    await files("a/7.bmp", "a/old/8.tiff", "b/9.BMP", "b/notes.txt");
    const dataset = await openFolder(root);
    expect(all(dataset)).toEqual([
      ...["a/1.jpg", "a/2.jfif", "a/3.JPE", "a/4.gif", "a/old/5.png", "a/old/older/6.webp"],
      ...["b/1.jpg", "b/2.jpg"],
    ]);
    const unread =
      "images in formats that are not read: 3 (2 .bmp, 1 .tiff; the first: a/7.bmp); convert them to PNG or JPEG";
    expect(dataset.notices).toEqual([
      unread,
      "images in folders inside of class folders, taken as images of the class: 2 (the first: a/old/5.png)",
    ]);
    expect((await named()).notices).toEqual([unread]);
  });

  test("images and folders beside what is read are told", async () => {
    await files(...SPLIT, "val/a/1.jpg", "0.jpg", "train/2.jpg", "train/3.jpg", "train/4.bmp");
    expect((await openFolder(root)).notices).toEqual([
      "images outside of class folders, left out: 3 (the first: 0.jpg); put them into one",
      "folders beside train/ and test/, left out: 1 (the first: val)",
      "images in formats that are not read: 1 (1 .bmp; the first: train/4.bmp); convert them to PNG or JPEG",
    ]);
  });

  test("data check lists them as notes, and finds no problem", async () => {
    for (const path of [...SPLIT, "train/a/new/2.jpg"]) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), await picture(path));
    }
    await files("train/a/3.bmp");
    const output = await data("check", "folder", "--data", root);
    expect(output).toContain(
      "\n  note: images in formats that are not read: 1 (1 .bmp; the first: train/a/3.bmp)",
    );
    expect(output).toContain(
      "\n  note: images in folders inside of class folders, taken as images of the class: 1 (",
    );
    expect(output).toContain("\n  no problem found\n");
  });
});

describe("train and test", () => {
  test("in capitals", async () => {
    await files("Train/a/1.jpg", "TEST/a/1.jpg");
    const dataset = await openFolder(root);
    expect([dataset.classNames, dataset.train[0]!.id, dataset.test[0]!.id]).toEqual([
      ["a"],
      "Train/a/1.jpg",
      "TEST/a/1.jpg",
    ]);
    await files("train/a/1.jpg");
    expect(await refusal(openFolder(root))).toBe("DIR: found Train/ and train/; keep one of them");
  });

  test("a class called train beside others", async () => {
    await files("train/1.jpg", "train/2.jpg", "bus/1.jpg", "bus/2.jpg");
    expect((await openFolder(root)).classNames).toEqual(["bus", "train"]);
  });

  test("val/ in the place of test/ is named", async () => {
    await files("train/a/1.jpg", "val/a/1.jpg");
    expect(await refusal(openFolder(root))).toBe(
      "DIR: found train/ but no test/; add it, or put the class folders in DIR (if val/ has the images for testing, call it test/)",
    );
  });
});

describe("names in another form", () => {
  const [NFC, NFD] = ["café".normalize("NFC"), "café".normalize("NFD")];

  test("composed in train/, decomposed in test/: one class", async () => {
    await files(`train/${NFC}/1.jpg`, `test/${NFD}/1.jpg`);
    const dataset = await openFolder(root);
    expect(dataset.classNames).toEqual([NFC]);
    for (const sample of [...dataset.train, ...dataset.test]) {
      await dataset.read(sample);
      await dataset.source!(sample);
    }
    await files(`train/${NFD}/2.jpg`);
    expect(await refusal(openFolder(root))).toMatch(
      /^DIR\/train: two folders "café", whose names differ in Unicode's form/,
    );
  });

  test("lists with backslashes and in another form than the files, of folders and archives", async () => {
    const classes = [NFD, "dog", "elephant", "giraffe", "guitar", "horse", "house"];
    const domains = ["photo", "art_painting", "cartoon", "sketch"];
    const images = domains.flatMap((domain) =>
      ["train", "test"].flatMap((part) => classes.map((name, label) => ({ domain, part, name, label }))),
    );
    for (const domain of domains) {
      for (const part of ["train", "test"]) {
        const rows = images.filter((image) => image.domain === domain && image.part === part);
        const lines = rows.map(
          ({ name, label }) => `${domain}\\${name.normalize("NFC")}\\${part}.jpg ${label}\r\n`,
        );
        await writeFile(join(root, `${domain}_${part}.txt`), lines.join(""));
      }
    }
    const paths = await Promise.all(
      images.map(async ({ domain, name, part }) => {
        const path = `${domain}/${name}/${part}.jpg`;
        return { path, bytes: await picture(path) };
      }),
    );
    await writeFile(join(root, "pacs.tar"), await tarOf(paths));
    const whole = /^pacs: 7 classes, 4 domains, 28 training and 28 test images\n[\s\S]*no problem found\n$/;
    expect(await data("check", "pacs", "--data", root)).toMatch(whole);
    await rm(join(root, "pacs.tar"));
    for (const { path, bytes } of paths) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), bytes);
    }
    expect(await data("check", "pacs", "--data", root)).toMatch(whole);
  });

  test.skipIf(process.platform !== "linux")("bytes that are no UTF-8 are named", async () => {
    const latin = Buffer.from("caf\xe9", "latin1");
    await files("a/1.jpg", "a/2.jpg", Buffer.concat([Buffer.from("a/"), latin, Buffer.from(".jpg")]));
    const dataset = await openFolder(root);
    const odd = [...dataset.train, ...dataset.test].find(({ id }) => id.includes("\ufffd"))!;
    expect(await refusal(dataset.read(odd))).toMatch(
      /^a\/caf\ufffd.jpg: can't be read from DIR \(no such file; its name is no UTF-8: rename it/,
    );
    await files(Buffer.concat([latin, Buffer.from("/1.jpg")]));
    expect(await refusal(openFolder(root))).toMatch(/its name is no UTF-8: rename it/);
  });
});

test.skipIf(process.platform === "win32")("a pipe among the images is named, not waited for", async () => {
  const { execFileSync } = await import("node:child_process");
  await files("a/1.jpg", "a/2.jpg");
  execFileSync("mkfifo", [join(root, "a/3.jpg")]);
  expect((await openFolder(root)).notices).toEqual([
    "names that lead to nothing that can be read: 1 (the first: a/3.jpg: neither file nor folder); mend or remove them",
  ]);
});
