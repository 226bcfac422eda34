/** @file ImageNet-R from folders of WNIDs, in a folder or an archive. */
import { join } from "node:path";
import * as z from "zod";
import type { Dataset } from "../../data/dataset.ts";
import { Findings } from "../../data/problems.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { below, type FileTree } from "../archives/file-tree.ts";
import { openPlace } from "../archives/places.ts";
import { openClasses } from "./class-folders.ts";
import { openParquet } from "./parquet-dataset.ts";
import { folderNamed, hasParts } from "./parts.ts";
import { openSplitLists, splitLists } from "./split-lists.ts";

const CLASSES = 200;
const WNID = /^n\d{8}$/;
const OPTIONS = z.object({
  split: z
    .enum(["auto", "folders", "lists", "seeded"])
    .default("auto")
    .describe(
      "folders (train/ and test/), lists (the fixed file lists of CODA-Prompt and Mammoth), seeded (80 to 20), or auto: the first of these that is there",
    ),
  splitSeed: z
    .number()
    .int()
    .default(1993)
    .describe("for data without train/ and test/: seed of the 80 to 20 split"),
});

/** 200 classes of ImageNet as art, cartoons, graffiti, toys and so on (Hendrycks et al., 2021). */
export const imagenetR = defineBenchmark({
  name: "imagenet-r",
  kind: "class-incremental",
  tasks: 10,
  summary: "ImageNet-R: 200 classes of ImageNet as art, cartoons, sculptures and so on",
  needs:
    "a folder with train/<wnid>/ and test/<wnid>/ as the usual archives have them, or <wnid>/ as in the official tar (split by imagenet-r_train.yaml and imagenet-r_test.yaml if they are there, else 80 to 20 by --split-seed), or imagenet-r.tar, .zip or .tgz with either, or the Hub's parquet files",
  source: {
    home: "https://github.com/hendrycks/imagenet-r",
    hub: {
      repo: "axiong/imagenet-r",
      files: /^test\/test-[^/]*\.parquet$/,
      note: "a user's copy of the official tar without a split, in parquet",
    },
    license: "not stated in the owners' README; \"mit\" on the Hub's card",
    images: 30_000,
    classes: CLASSES,
    bytes: 2_190_000_000,
  },
  usesData: true,
  options: OPTIONS,
  async open({ data, options: { split, splitSeed: seed } }): Promise<Dataset> {
    const layout = { name: "imagenet-r", image: "image", label: "wnid", classes: CLASSES, splitSeed: seed };
    const fromHub = await openParquet(data, layout);
    if (fromHub !== undefined) {
      if (split === "folders" || split === "lists") {
        throw new InputError(
          `${data}: has parquet files, which does not fit the split "${split}"; leave --split out`,
        );
      }
      // The same rule over other ids holds out other images.
      return { ...fromHub, name: `${fromHub.name}, rows of parquet` };
    }
    const given = await openPlace(data, ["imagenet-r"], ["train", "imagenet-r"]);
    // The official archive unpacks to a folder of this name.
    const inside = (await given.list("")).folders.includes("imagenet-r");
    const tree = inside ? below(given, "imagenet-r") : given;
    const top = (await tree.list("")).folders;
    const folders = hasParts(top);
    const lists = await splitLists(data);
    const chosen =
      split !== "auto" ? split : folders ? "folders" : lists.missing.length === 0 ? "lists" : "seeded";
    if (folders !== (chosen === "folders")) {
      throw new InputError(
        `${tree.place}: ${folders ? "has" : "has no"} train/ and test/, which does not fit the split "${chosen}"; leave --split out`,
      );
    }
    const divided = folders;
    const findings = new Findings();
    if (!divided) checkClasses(tree, "", top, findings);
    for (const part of ["train", "test"].map((each) => folderNamed(each, top))) {
      if (part !== undefined) checkClasses(tree, part, (await tree.list(part)).folders, findings);
    }
    // Two splits are two benchmarks: their names keep them apart.
    const name = divided ? "imagenet-r" : `imagenet-r (80 to 20 by seed ${seed})`;
    const dataset = await findings.ofAsync(() =>
      chosen === "lists"
        ? openSplitLists(tree, lists, CLASSES)
        : openClasses(tree, seed, { name, needs: imagenetR.needs }),
    );
    findings.stop();
    return dataset!;
  },
});

function checkClasses(tree: FileTree, part: string, folders: readonly string[], findings: Findings): void {
  const place = join(tree.place, part);
  for (const name of folders.filter((each) => !WNID.test(each))) {
    findings.add(
      `${place}: folder "${name}" is no WNID; expected ${CLASSES} folders as n01443537 (or train/ and test/ with them); move it away`,
    );
  }
  const found = folders.filter((each) => WNID.test(each)).length;
  if (found !== CLASSES) {
    findings.add(
      `${place}: found ${found} class folders; ImageNet-R has ${CLASSES}, named as n01443537: fetch it again, or use benchmark folder for a part of it`,
    );
  }
}
