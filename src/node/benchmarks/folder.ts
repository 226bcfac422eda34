/** @file Folders of images, one folder a class, or an archive of them: listed at once, read when needed. */
import { join, resolve } from "node:path";
import * as z from "zod";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { Findings } from "../../data/problems.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import { type FileTree, sourceOf } from "../archives/file-tree.ts";
import { ARCHIVE_ENDINGS, openPlace, stemOf } from "../archives/places.ts";

const IMAGE_NAME = /\.(jpe?g|png|webp)$/i;
const TEST_SHARE = 0.2;

/** A user's own images. */
export const folder = defineBenchmark({
  name: "folder",
  kind: "class-incremental",
  tasks: 5,
  summary: "your own images (JPEG, PNG, WebP), one folder a class",
  needs: `a folder or archive (*${ARCHIVE_ENDINGS.join(", *")}) DIR with DIR/train/<class>/ and DIR/test/<class>/, or DIR/<class>/ (split 80 to 20 by the seed)`,
  source: { home: null, hub: null, license: "yours", images: null, classes: null, bytes: null },
  usesData: true,
  options: z.object({}),
  open: ({ data, seed }): Promise<Dataset> => openFolder(data, seed),
});

/**
 * Lists the images under `root`, a folder or an archive: see `openClasses`.
 * @throws InputError if it is not there, or not of that layout.
 */
export async function openFolder(root: string, seed = 0): Promise<Dataset> {
  return openClasses(await openPlace(root), seed, stemOf(resolve(root)));
}

/**
 * Lists the images of a tree: `train/<class>/` and `test/<class>/`, or `<class>/` with a seeded 80 to 20 split.
 * Classes and files are in the order of their names' characters; hidden and other files are passed over.
 * @throws DataProblemsError if a class has no images, or train and test have other classes.
 */
export async function openClasses(tree: FileTree, seed: number, name: string): Promise<Dataset> {
  const { folders, files } = await tree.list("");
  if (folders.length === 0) {
    const images = files.some((file) => IMAGE_NAME.test(file));
    const found = images ? "images but no class folders" : "no class folders";
    const advice = images ? ": give the folder above it, if this is one class" : "";
    throw new InputError(
      `${tree.place}: found ${found}; expected one folder a class (${folder.needs})${advice}`,
    );
  }
  const divided = folders.includes("train") || folders.includes("test");
  const split = divided ? await dividedSplit(tree, folders) : await seededSplit(tree, folders, seed);
  return {
    name,
    domainNames: ["photo"],
    ...split,
    source: (sample) => sourceOf(tree, sample.id),
    async read(sample) {
      return { kind: "encoded", bytes: await tree.read(sample.id) };
    },
  };
}

type Split = Pick<Dataset, "classNames" | "train" | "test">;

async function dividedSplit(tree: FileTree, folders: readonly string[]): Promise<Split> {
  for (const part of ["train", "test"]) {
    if (!folders.includes(part)) {
      const other = part === "train" ? "test" : "train";
      throw new InputError(
        `${tree.place}: found ${other}/ but no ${part}/; add it, or put the class folders in ${tree.place}`,
      );
    }
  }
  const train = (await tree.list("train")).folders;
  const test = (await tree.list("test")).folders;
  const missing = [
    ...train.filter((name) => !test.includes(name)).map((name) => `test/${name}`),
    ...test.filter((name) => !train.includes(name)).map((name) => `train/${name}`),
  ];
  const findings = new Findings();
  if (missing.length > 0) {
    findings.add(
      `${tree.place}: train/ and test/ must have the same classes; missing: ${shortened(missing)}`,
    );
  }
  if (train.length === 0) {
    findings.add(`${join(tree.place, "train")}: no class folders; expected one a class`);
  }
  const samples = async (part: string, classes: readonly string[]): Promise<Sample[]> => {
    const listed = await Promise.all(classes.map((name) => imagesOf(tree, `${part}/${name}`, findings)));
    return listed.flatMap((ids, label) => ids.map((id) => ({ id, label, domain: 0 })));
  };
  const split = {
    classNames: train,
    train: await samples("train", train),
    test: await samples("test", test),
  };
  findings.stop();
  return split;
}

async function seededSplit(tree: FileTree, classNames: readonly string[], seed: number): Promise<Split> {
  const train: Sample[] = [];
  const test: Sample[] = [];
  const findings = new Findings();
  const listed = await Promise.all(classNames.map((name) => imagesOf(tree, name, findings)));
  for (const [label, ids] of listed.entries()) {
    const name = classNames[label]!;
    if (ids.length === 1) {
      findings.add(`${join(tree.place, name)}: one image can't be split into train and test; add another`);
    }
    const held = heldOut(ids, seed, name);
    for (const id of ids) (held.has(id) ? test : train).push({ id, label, domain: 0 });
  }
  findings.stop();
  return { classNames, train, test };
}

/**
 * A fifth of a class's images for testing, one at least. Depends on this class alone: a class added later leaves the
 * others' test images as they are.
 */
export function heldOut(ids: readonly string[], seed: number, name: string): ReadonlySet<string> {
  const shuffled = Rng.at(seed, "split", name).shuffled(ids);
  return new Set(shuffled.slice(0, Math.max(1, Math.round(ids.length * TEST_SHARE))));
}

/** Ids of the images of one class: paths below the tree's top. */
async function imagesOf(tree: FileTree, path: string, findings: Findings): Promise<string[]> {
  const { files, folders } = await tree.list(path);
  const images = files.filter((file) => IMAGE_NAME.test(file));
  if (images.length === 0) {
    const where = join(tree.place, path);
    findings.add(
      folders.length > 0
        ? `${where}: ${folders.length} folders but no JPEG, PNG or WebP image for this class; if those are the classes, give ${where} as --data`
        : `${where}: no JPEG, PNG or WebP image for this class (${files.length === 0 ? "the folder is empty" : `it has ${files.length} other files`}); add some or remove the folder`,
    );
  }
  return images.map((file) => `${path}/${file}`);
}

function shortened(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
