/** @file Archives as people have them: what is read, and what is refused by name. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Dataset } from "../../../src/data/dataset.ts";
import { openFolder } from "../../../src/node/benchmarks/folder.ts";
import { refusalIn } from "../../support/refusal.ts";
import { type ArchiveFile, tarOf, zipOf } from "./archives.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-packed-"));
});
afterEach(() => rm(root, { recursive: true }));

const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
const all = ({ train, test: held }: Dataset): string[] => [...train, ...held].map(({ id }) => id).sort();
const SPLIT = ["train/a/1.jpg", "test/a/1.jpg"];

describe("archives", () => {
  const packed = (...paths: readonly string[]): ArchiveFile[] =>
    paths.map((path) => ({ path, bytes: Buffer.from(path) }));
  const CLASSES = ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"];

  test.each([
    ["one folder with the classes", "photos/"],
    ["two of them", "x/photos/"],
  ])("with %s", async (_, top) => {
    await writeFile(
      join(root, "x.zip"),
      zipOf(packed(...CLASSES.map((path) => top + path), `${top}README.md`)),
    );
    const dataset = await openFolder(join(root, "x.zip"));
    expect([dataset.classNames, all(dataset)]).toEqual([["a", "b"], CLASSES]);
    const first = dataset.train[0]!;
    const image = await dataset.read(first);
    expect(image.kind === "encoded" && Buffer.from(image.bytes).toString()).toBe(top + first.id);
    await writeFile(join(root, "y.tar"), await tarOf(packed(...SPLIT.map((path) => top + path))));
    expect(all(await openFolder(join(root, "y.tar")))).toEqual([...SPLIT].sort());
  });

  test("with one class alone", async () => {
    await writeFile(join(root, "x.zip"), zipOf(packed("cat/1.jpg", "cat/2.jpg")));
    expect((await openFolder(join(root, "x.zip"))).classNames).toEqual(["cat"]);
  });

  test("zip names in UTF-8 without the flag, in code page 437, and with backslashes", async () => {
    const file = (name: Uint8Array, path = "x"): ArchiveFile & { name: Uint8Array } => ({
      path,
      name,
      bytes: name,
    });
    const names = [1, 2].flatMap((number) => [
      file(Buffer.from(`café/${number}.jpg`)),
      file(Buffer.from(`caf\x82s/${number}.jpg`, "latin1")), // é of code page 437
      file(Buffer.from(`tea\\${number}.jpg`)),
    ]);
    await writeFile(join(root, "x.zip"), zipOf(names));
    const dataset = await openFolder(join(root, "x.zip"));
    expect(dataset.classNames).toEqual(["café", "cafés", "tea"]);
    for (const sample of [...dataset.train, ...dataset.test]) await dataset.read(sample);
  });

  test("an entry in a thousand folders is refused", async () => {
    await writeFile(join(root, "x.zip"), zipOf(packed(`${"d/".repeat(1000)}1.jpg`)));
    expect(await refusal(openFolder(join(root, "x.zip")))).toMatch(
      /^DIR\/x.zip: entry ".{200}" lies in 1000 folders; refused/,
    );
  });
});
