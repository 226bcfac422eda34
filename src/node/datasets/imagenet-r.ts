/** @file ImageNet-R from folders of WNIDs. */
import { join } from "node:path";
import type { Dataset } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { type Benchmark, readOptions, requireData } from "./benchmark.ts";
import { foldersIn, openFolder } from "./folder.ts";

const CLASSES = 200;
const WNID = /^n\d{8}$/;
const OPTIONS = {
  "split-seed": { default: 1993, summary: "for data without train/ and test/: seed of the 80 to 20 split" },
} as const;

/** 200 classes of ImageNet as art, cartoons, graffiti, toys and so on (Hendrycks et al., 2021). */
export const imagenetR: Benchmark = {
  name: "imagenet-r",
  kind: "class-incremental",
  tasks: 10,
  summary: "ImageNet-R: 200 classes of ImageNet as art, cartoons, sculptures and so on",
  needs:
    "a folder with train/<wnid>/ and test/<wnid>/ as the usual archives have them, or <wnid>/ as the official tar unpacks (split 80 to 20 by --split-seed)",
  source: {
    home: "https://github.com/hendrycks/imagenet-r",
    hub: {
      repo: "axiong/imagenet-r",
      files: /^test\/test-[^/]*\.parquet$/,
      note: "a user's copy of the official tar without a split, in parquet",
    },
    licence: "not stated in the owners' README; \"mit\" on the Hub's card",
    images: 30_000,
    classes: CLASSES,
    bytes: 2_190_000_000,
  },
  usesData: true,
  options: OPTIONS,
  async open(options): Promise<Dataset> {
    const seed = readOptions("imagenet-r", OPTIONS, options.options)["split-seed"];
    const given = requireData(imagenetR, options);
    // The official archive unpacks to a folder of this name.
    const root = (await foldersIn(given)).includes("imagenet-r") ? join(given, "imagenet-r") : given;
    const top = await foldersIn(root);
    const divided = top.includes("train") || top.includes("test");
    if (!divided) checkClasses(root, top);
    for (const part of ["train", "test"]) {
      if (top.includes(part)) checkClasses(join(root, part), await foldersIn(join(root, part)));
    }
    // Two splits are two benchmarks: their names keep them apart.
    const name = divided ? "imagenet-r" : `imagenet-r (80 to 20 by seed ${seed})`;
    return openFolder(root, seed, name);
  },
};

function checkClasses(place: string, folders: readonly string[]): void {
  const other = folders.find((name) => !WNID.test(name));
  if (other !== undefined) {
    throw new InputError(
      `${place}: folder "${other}" is no WNID; expected ${CLASSES} folders as n01443537 (or train/ and test/ with them); move it away`,
    );
  }
  if (folders.length !== CLASSES) {
    throw new InputError(
      `${place}: found ${folders.length} class folders; ImageNet-R has ${CLASSES}, named as n01443537: fetch it again, or use benchmark folder for a part of it`,
    );
  }
}
