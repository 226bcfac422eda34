/** @file The Hub's parquet files: what is read, and what is said of broken copies. */
import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PageCache, ParquetTable } from "../../../src/node/archives/parquet-table.ts";
import { openParquet, type ParquetLayout } from "../../../src/node/benchmarks/parquet-dataset.ts";
import { refusalIn } from "../../support/refusal.ts";
import { data } from "../benchmarks/check-command.ts";
import { type ParquetForm, parquetOf } from "./parquets.ts";
import { picture } from "./pictures.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-parquet-"));
});
afterEach(() => rm(root, { recursive: true }));

const write = async (path: string, bytes: Uint8Array): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), bytes);
};
const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
const TOY: ParquetLayout = { name: "toy", image: "img", label: "fine_label", classes: 2 };
const NAMES = ["cat", "dog"];
/** Bytes that differ from row to row, and don't compress. */
const bytesOf = (row: number): Uint8Array =>
  Uint8Array.from({ length: 400 + row }, (_, at) => ((at + 1) * (row + 3) * 2654435761) >>> 24);
const file = (rows: number, form?: ParquetForm, from = 0): Buffer =>
  parquetOf(
    "img",
    Array.from({ length: rows }, (_, row) => bytesOf(from + row)),
    {
      fine_label: {
        type: "INT64",
        values: Array.from({ length: rows }, (_, row) => BigInt(row % 2)),
        names: NAMES,
      },
      coarse_label: { type: "INT64", values: Array.from({ length: rows }, () => 0n) },
    },
    form,
  );

describe("ParquetTable", () => {
  const forms: [string, ParquetForm][] = [
    ["one row group", {}],
    ["small row groups", { rowGroupSize: 7 }],
    ["small pages, without an index", { pageSize: 2000 }],
    ["small pages with an index", { pageSize: 2000, offsetIndex: true }],
    ["both, uncompressed", { rowGroupSize: 20, pageSize: 1000, codec: "UNCOMPRESSED" }],
  ];
  test.each(forms)("reads every row in any order: %s", async (_, form) => {
    await write("x.parquet", file(50, form));
    for (const cache of [new PageCache(), new PageCache(3000)]) {
      const table = await ParquetTable.open(join(root, "x.parquet"), cache);
      expect([table.rows, table.columns]).toEqual([50, ["img", "fine_label", "coarse_label"]]);
      expect((await table.column("fine_label")).slice(0, 3)).toEqual([0, 1, 0]);
      const order = Array.from({ length: 50 }, (_, at) => (at * 37) % 50);
      const read = await Promise.all(order.map((row) => table.image("img", row)));
      for (const [at, row] of order.entries()) expect(Buffer.compare(read[at]!, bytesOf(row))).toBe(0);
    }
  });

  test("keeps the pages read last, up to a number of bytes", async () => {
    const reads: string[] = [];
    const cache = new PageCache(25);
    const get = (key: string) =>
      cache.get(key, async () => {
        reads.push(key);
        return [new Uint8Array(10)];
      });
    for (const key of ["a", "b", "a", "c", "c", "b", "a"]) await get(key);
    expect(reads.join("")).toBe("abca"); // a was the first read: it goes when c comes
    await Promise.all([get("d"), get("d")]);
    expect(reads.join("")).toBe("abcad");
  });

  test("a row without an image, a column that isn't there, a file that is cut off or gone", async () => {
    await write(
      "x.parquet",
      parquetOf("img", [bytesOf(1), null], { label: { type: "STRING", values: ["a", "b"] } }),
    );
    const table = await ParquetTable.open(join(root, "x.parquet"), new PageCache());
    expect(await refusal(table.image("img", 1))).toMatch(
      /^x.parquet#1: can't be read from .* \(the row has no image\)/,
    );
    expect(await refusal(table.column("fine_label"))).toMatch(
      /no column "fine_label"; found: img, label. Fetch/,
    );
    const unread = await ParquetTable.open(join(root, "x.parquet"), new PageCache());
    await truncate(join(root, "x.parquet"), 60);
    expect(await refusal(ParquetTable.open(join(root, "x.parquet"), new PageCache()))).toMatch(
      /^DIR\/x.parquet: can't be read as parquet \(.*\); it may be cut off: fetch it again/,
    );
    expect(await refusal(unread.image("img", 0))).toMatch(/^x.parquet#0: can't be read from/);
    await rm(join(root, "x.parquet"));
    expect(await refusal(unread.image("img", 0))).toMatch(/^x.parquet#0: can't be read from/);
  });
});

describe("openParquet", () => {
  test("shards of both parts, in the folders that the Hub has", async () => {
    await write("data/train-00000-of-00002.parquet", file(5));
    await write("data/train-00001-of-00002.parquet", file(4, {}, 5));
    await write("data/test-00000-of-00001.parquet", file(3, {}, 9));
    const dataset = (await openParquet(root, TOY))!;
    expect([dataset.name, dataset.classNames, dataset.domainNames]).toEqual(["toy", NAMES, ["photo"]]);
    expect([dataset.train.length, dataset.test.length]).toEqual([9, 3]);
    const images = await Promise.all(
      [...dataset.train, ...dataset.test].map((sample) => dataset.read(sample)),
    );
    expect(images).toEqual(
      Array.from({ length: 12 }, (_, row) => ({ kind: "encoded", bytes: bytesOf(row) })),
    );
  });

  test("one part alone is split by the seed, class by class and domain by domain", async () => {
    const rows = Array.from({ length: 40 }, (_, row) => row);
    const columns = {
      label: { type: "STRING" as const, values: rows.map((row) => (row % 2 ? "b" : "a")) },
      domain: {
        type: "INT64" as const,
        values: rows.map((row) => BigInt(row >> 4 > 0 ? 1 : 0)),
        names: ["ink", "oil"],
      },
    };
    await write("test/test-00000-of-00001.parquet", parquetOf("image", rows.map(bytesOf), columns));
    const layout = { ...TOY, image: "image", label: "label", domainNames: ["oil", "ink"], splitSeed: 3 };
    const dataset = (await openParquet(root, layout))!;
    expect([dataset.name, dataset.classNames]).toEqual(["toy (80 to 20 by seed 3)", ["a", "b"]]);
    const count = (domain: number) => dataset.test.filter((sample) => sample.domain === domain).length;
    expect([count(0), count(1), dataset.train.length]).toEqual([4, 4, 32]); // oil: 12 of each class, ink: 8
    const ids = [...dataset.train, ...dataset.test].map(({ id }) => id);
    expect(new Set(ids).size).toBe(40);
    expect((await openParquet(root, layout))!.test).toEqual(dataset.test);
    expect((await openParquet(root, { ...layout, splitSeed: 4 }))!.test).not.toEqual(dataset.test);
  });

  test("nothing of that kind", async () => {
    await write("other.parquet", file(2));
    expect(await openParquet(root, TOY)).toBeUndefined();
    expect(await openParquet(join(root, "none"), TOY)).toBeUndefined();
  });

  const PAIR = { "train-00000-of-00001.parquet": file(4), "test-00000-of-00001.parquet": file(2, {}, 4) };
  const labels = (values: readonly (bigint | null)[]): Buffer =>
    parquetOf(
      "img",
      values.map((_, row) => bytesOf(row)),
      { fine_label: { type: "INT64", values, names: NAMES } },
    );
  test.each<[string, Record<string, Uint8Array>, RegExp]>([
    [
      "a missing shard",
      { "train-00000-of-00003.parquet": file(4) },
      /^DIR: train-00001-of-00003.parquet is missing; fetch.*1 more/,
    ],
    ["no test part", { "train.parquet": file(4) }, /^DIR: no test-\*.parquet, or no row in it/],
    [
      "a file twice",
      { ...PAIR, "data/test-00000-of-00001.parquet": file(2) },
      /test-00000-of-00001.parquet is in two folders/,
    ],
    [
      "a label outside of the names",
      { ...PAIR, "train-00000-of-00001.parquet": labels([0n, 1n, 2n]) },
      /row 2 has fine_label 2; expected cat, dog/,
    ],
    [
      "no label",
      { ...PAIR, "train-00000-of-00001.parquet": labels([0n, null]) },
      /row 1 has fine_label null; expected cat, dog/,
    ],
    [
      "no parquet",
      { ...PAIR, "test-00000-of-00001.parquet": Buffer.from("version https://git-lfs") },
      /^DIR\/test-00000-of-00001.parquet: can't be read as parquet/,
    ],
    [
      "a cut",
      { ...PAIR, "train-00000-of-00001.parquet": file(4).subarray(0, 900) },
      /^DIR\/train-00000-of-00001.parquet: can't be read as parquet/,
    ],
  ])("refuses %s", async (_, files, message) => {
    for (const [path, bytes] of Object.entries(files)) await write(path, bytes);
    expect(await refusal(openParquet(root, TOY))).toMatch(message);
  });

  test("refuses other columns, classes and domains", async () => {
    for (const [path, bytes] of Object.entries(PAIR)) await write(path, bytes);
    expect(await refusal(openParquet(root, { ...TOY, classes: 3 }))).toMatch(
      /2 classes in column "fine_label"; toy has 3/,
    );
    expect(await refusal(openParquet(root, { ...TOY, image: "image" }))).toMatch(
      /no column "image"; found: img, fine_label/,
    );
    expect(await refusal(openParquet(root, { ...TOY, domainNames: ["ink"] }))).toMatch(/no column "domain"/);
  });
});

test("fmlora data check cifar100 over the Hub's files", async () => {
  const names = Array.from({ length: 100 }, (_, label) => `class_${label}`);
  const values = names.map((_, label) => BigInt(label));
  const part = async (name: string): Promise<Buffer> =>
    parquetOf("img", await Promise.all(names.map((each) => picture(`${name} ${each}`, "png", 32))), {
      fine_label: { type: "INT64", values, names },
    });
  await write("cifar100/train-00000-of-00001.parquet", await part("train"));
  await write("cifar100/test-00000-of-00001.parquet", await part("test"));
  expect(await data("check", "cifar100", "--data", root)).toBe(
    "cifar100: 100 classes, 1 domain, 100 training and 100 test images\n  200 of 200 images decoded\n  no problem found\n",
  );
});
