/** @file `fmlora data`: the benchmarks and the facts about them. */
import { expect, test } from "vitest";
import { benchmarkJson, benchmarkList, sizeText } from "../../src/cli/data-list.ts";
import { benchmarks } from "../../src/node/benchmarks/index.ts";

test("a benchmark's block has its needs, owners, Hub data set, size and license", () => {
  const cub200 = benchmarks.filter(({ name }) => name === "cub200");
  expect(benchmarkList(cub200)).toMatchInlineSnapshot(`
    "cub200: CUB-200-2011: 200 species of birds
      class-incremental, 10 tasks unless told otherwise
      needs CUB_200_2011.tgz (unpacked once beside itself, to CUB_200_2011.tar) or its folder CUB_200_2011 (classes.txt, images.txt, image_class_labels.txt, train_test_split.txt, images/), or the Hub's parquet files, or train/<class>/ and test/<class>/ (another split, as LAMDA-PILOT has it)
      from https://www.vision.caltech.edu/datasets/cub_200_2011/
      fmlora data fetch cub200: bentrevett/caltech-ucsd-birds-200-2011 from the Hugging Face Hub (a user's copy of the official split, in parquet)
      11,788 images of 200 classes, 1.15 GB
      license: not stated in the archive; the photos are their photographers'
    "
  `);
});

test("the user's own folder has neither owners nor size", () => {
  const folder = benchmarks.filter(({ name }) => name === "folder");
  expect(benchmarkList(folder)).not.toMatch(/from http|Hugging Face|images of/);
});

test("the JSON has every benchmark with the same facts", () => {
  const rows = JSON.parse(benchmarkJson(benchmarks)) as { name: string; source: { hub: unknown } }[];
  expect(rows.map(({ name }) => name)).toEqual(benchmarks.map(({ name }) => name));
  const pacs = rows.find(({ name }) => name === "pacs")!;
  expect(pacs.source).toMatchObject({ images: 9991, classes: 7, hub: { repo: "flwrlabs/pacs" } });
  expect(rows.find(({ name }) => name === "emoji")!.source.hub).toBeNull();
});

test.each(benchmarks)("$name: what its source says fits together", ({ source, usesData }) => {
  const { home, hub, license, images, classes } = source;
  expect(license).not.toBe("");
  if (home !== null) expect(new URL(home).protocol).toBe("https:");
  if (hub !== null) expect([usesData, hub.repo.split("/").length]).toEqual([true, 2]);
  expect(images === null).toBe(classes === null);
});

test("sizes are rounded to three digits", () => {
  expect([999, 1500, 191_395_900, 1_150_000_000, 17_500_000_000].map(sizeText)).toEqual([
    "999 bytes",
    "1.5 kB",
    "191 MB",
    "1.15 GB",
    "17.5 GB",
  ]);
});
