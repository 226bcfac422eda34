import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { holdOut, openPretrainingData } from "../../../src/node/pretraining/dataset.ts";
import { fillRecords, RecordReader } from "../../../src/node/pretraining/record-file.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { writeToyFolder } from "../../support/toy-folder.ts";
import { zipOf } from "../archives/archives.ts";

let root: string;
let png: Buffer;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "fm-lora-pretraining-data-"));
  const create = { width: 8, height: 8, channels: 3, background: "#336699" } as const;
  png = await sharp({ create }).png().toBuffer();
});
afterAll(() => rmSync(root, { recursive: true }));

/** A folder of zips: name -> paths of images. */
function zips(name: string, content: Readonly<Record<string, readonly string[]>>): string {
  const folder = join(root, name);
  mkdirSync(folder);
  for (const [zip, paths] of Object.entries(content)) {
    writeFileSync(join(folder, zip), zipOf(paths.map((path) => ({ path, bytes: png }))));
  }
  return folder;
}

const refused = async (data: string, expected: string): Promise<void> => {
  const error = await openPretrainingData(data, { seed: 1 }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InputError);
  expect((error as InputError).message).toContain(expected);
  expect((error as InputError).message).not.toContain("\n");
};

test("zips as Tiny-ImageNet's: classes from their folders, sorted, whichever zip an image is in", async () => {
  const folder = zips("zips", {
    "train-0.zip": ["b/2.png", "a/1.png", "notes.txt"],
    "train-1.zip": ["images/a/0.png"],
    "val.zip": ["b/7.png"],
  });
  const { classNames, train, test: validation, read } = await openPretrainingData(folder, { seed: 1 });
  expect(classNames).toEqual(["a", "b"]);
  expect(train.map(({ id, label }) => [id, label])).toEqual([
    ["train-0.zip/a/1.png", 0],
    ["train-1.zip/images/a/0.png", 0],
    ["train-0.zip/b/2.png", 1],
  ]);
  expect(validation.map(({ id, label }) => [id, label])).toEqual([["val.zip/b/7.png", 1]]);
  const image = await read(train[1]!);
  expect(image.kind === "encoded" && Buffer.from(image.bytes).equals(png)).toBe(true);
});

test("folders that don't fit are refused in one line that says what is expected", async () => {
  await refused(join(root, "nowhere"), "no such folder; expected class folders");
  await refused(zips("other", { "images.zip": ["a/1.png"] }), "images.zip: neither train*.zip nor val*.zip");
  await refused(zips("no-val", { "train.zip": ["a/1.png"] }), "no image in val*.zip or test*.zip");
  await refused(
    zips("flat", { "train.zip": ["1.png"], "val.zip": ["a/1.png"] }),
    "1.png is in no class folder",
  );
  const unknown = zips("unknown", { "train.zip": ["a/1.png"], "val.zip": ["c/1.png"] });
  await refused(unknown, "val.zip/c/1.png: its class c has no training images");
  writeFileSync(join(unknown, "val.zip"), "no zip");
  await refused(unknown, "can't be read as an archive");
});

test("held-out images are as many of each class, and the same each time", async () => {
  const folder = await writeToyFolder(join(root, "toy"), { classes: 3, train: 5, test: 1 });
  const dataset = await openPretrainingData(folder, { seed: 1 });
  const { held, kept } = holdOut(dataset, 2, 9);
  expect(held.map((place) => dataset.train[place]!.label)).toEqual([0, 0, 1, 1, 2, 2]);
  expect([...held, ...kept].sort((a, b) => a - b)).toEqual([...dataset.train.keys()]);
  expect(holdOut(dataset, 2, 9)).toEqual({ held, kept });
  expect(holdOut(dataset, 2, 10)).not.toEqual({ held, kept });
  expect(() => holdOut(dataset, 5, 9)).toThrow("--hold-out 5: class class-0 has only 5 training images");
});

test("a file of records goes on after the last whole one, and is never mixed with others", async () => {
  const file = { file: join(root, "records.bin"), origin: { from: "here" }, count: 5, recordBytes: 2 };
  const made: number[] = [];
  const make = async function* (done: number) {
    for (let i = done; i < 5; i++) {
      made.push(i);
      yield Uint8Array.of(i, 10 * i);
      if (i === 2 && made.length === 3) throw new Error("stopped");
    }
  };
  await expect(fillRecords(file, make, () => {})).rejects.toThrow("stopped");
  appendFileSync(file.file, Uint8Array.of(77)); // half a record, as a kill leaves it
  const progress: number[] = [];
  await fillRecords(file, make, (done) => progress.push(done));
  expect({ made, progress }).toEqual({ made: [0, 1, 2, 3, 4], progress: [4, 5] });
  await fillRecords(file, make, () => {});
  expect(made).toHaveLength(5);
  expect([...readFileSync(file.file)]).toEqual([0, 0, 1, 10, 2, 20, 3, 30, 4, 40]);
  const reader = new RecordReader(file);
  expect([...reader.read(3)]).toEqual([3, 30]);
  reader.close();
  await expect(fillRecords({ ...file, origin: { from: "there" } }, make, () => {})).rejects.toThrow(
    'records.bin: was made for from "here", now it is "there"; choose another --cache, or remove the file',
  );
});
