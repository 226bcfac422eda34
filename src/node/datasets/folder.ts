/** @file Folders of images, one folder a class: listed at once, read when needed. */
import type { Dirent } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import { type Benchmark, readOptions, requireData } from "./benchmark.ts";

const IMAGE_NAME = /\.(jpe?g|png|webp)$/i;
const TEST_SHARE = 0.2;

/** A user's own images. */
export const folder: Benchmark = {
  name: "folder",
  kind: "class-incremental",
  tasks: 5,
  summary: "your own images (JPEG, PNG, WebP), one folder a class",
  needs:
    "a folder DIR with DIR/train/<class>/ and DIR/test/<class>/, or DIR/<class>/ (split 80 to 20 by the seed)",
  source: { home: null, hub: null, licence: "yours", images: null, classes: null, bytes: null },
  usesData: true,
  options: {},
  async open(options) {
    readOptions("folder", folder.options, options.options);
    return openFolder(requireData(folder, options), options.seed ?? 0);
  },
};

/**
 * Lists the images under `root`: `train/<class>/` and `test/<class>/`, or `<class>/` with a seeded 80 to 20 split.
 * Classes and files are in the order of their names' characters; hidden and other files are passed over.
 * @throws InputError if a folder is missing, a class has no images, or train and test have other classes.
 */
export async function openFolder(root: string, seed = 0, name = basename(resolve(root))): Promise<Dataset> {
  const { folders, files } = await list(root);
  if (folders.length === 0) {
    const found = files.some((file) => IMAGE_NAME.test(file))
      ? "images but no class folders"
      : "no class folders";
    throw new InputError(`${root}: found ${found}; expected one folder a class (${folder.needs})`);
  }
  const divided = folders.includes("train") || folders.includes("test");
  const split = divided ? await dividedSplit(root, folders) : await seededSplit(root, folders, seed);
  return {
    name,
    domainNames: ["photo"],
    ...split,
    async read(sample) {
      try {
        return { kind: "encoded", bytes: await readFile(join(root, sample.id)) };
      } catch (error) {
        throw new InputError(`${sample.id}: can't be read from ${root} (${(error as Error).message})`, {
          cause: error,
        });
      }
    },
  };
}

type Split = Pick<Dataset, "classNames" | "train" | "test">;

async function dividedSplit(root: string, folders: readonly string[]): Promise<Split> {
  for (const part of ["train", "test"]) {
    if (!folders.includes(part)) {
      const other = part === "train" ? "test" : "train";
      throw new InputError(
        `${root}: found ${other}/ but no ${part}/; add it, or put the class folders in ${root}`,
      );
    }
  }
  const train = (await list(join(root, "train"))).folders;
  const test = (await list(join(root, "test"))).folders;
  const missing = [
    ...train.filter((name) => !test.includes(name)).map((name) => `test/${name}`),
    ...test.filter((name) => !train.includes(name)).map((name) => `train/${name}`),
  ];
  if (missing.length > 0) {
    throw new InputError(
      `${root}: train/ and test/ must have the same classes; missing: ${shortened(missing)}`,
    );
  }
  if (train.length === 0)
    throw new InputError(`${join(root, "train")}: no class folders; expected one a class`);
  const samples = async (part: string): Promise<Sample[]> => {
    const classes = await Promise.all(train.map((name) => imagesOf(root, `${part}/${name}`)));
    return classes.flatMap((ids, label) => ids.map((id) => ({ id, label, domain: 0 })));
  };
  return { classNames: train, train: await samples("train"), test: await samples("test") };
}

async function seededSplit(root: string, classNames: readonly string[], seed: number): Promise<Split> {
  const train: Sample[] = [];
  const test: Sample[] = [];
  const listed = await Promise.all(classNames.map((name) => imagesOf(root, name)));
  for (const [label, ids] of listed.entries()) {
    const name = classNames[label]!;
    if (ids.length < 2) {
      throw new InputError(`${join(root, name)}: one image can't be split into train and test; add another`);
    }
    // Depends on this class alone: a class added later leaves the others' test images as they are.
    const shuffled = Rng.at(seed, "split", name).shuffled(ids);
    const held = new Set(shuffled.slice(0, Math.max(1, Math.round(ids.length * TEST_SHARE))));
    for (const id of ids) (held.has(id) ? test : train).push({ id, label, domain: 0 });
  }
  return { classNames, train, test };
}

/** Ids of the images of one class: paths below `root`, with "/". */
async function imagesOf(root: string, path: string): Promise<string[]> {
  const { files } = await list(join(root, path));
  const images = files.filter((file) => IMAGE_NAME.test(file));
  if (images.length === 0) {
    const others = files.length === 0 ? "the folder is empty" : `it has ${files.length} other files`;
    throw new InputError(
      `${join(root, path)}: no JPEG, PNG or WebP image for this class (${others}); add some or remove the folder`,
    );
  }
  return images.map((file) => `${path}/${file}`);
}

/** Names of the folders in one, sorted. @throws InputError if it is not there */
export async function foldersIn(root: string): Promise<string[]> {
  return (await list(root)).folders;
}

/** Names in a folder, hidden ones left out, sorted by their characters (no locale: the same on every machine). */
async function list(path: string): Promise<{ folders: string[]; files: string[] }> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    const reason =
      (error as NodeJS.ErrnoException).code === "ENOENT" ? "no such folder" : (error as Error).message;
    throw new InputError(`${path}: ${reason}; expected a folder with images`, { cause: error });
  }
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    // Data sets are often assembled from links.
    const kind = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => entry) : entry;
    if (kind.isDirectory()) folders.push(entry.name);
    else files.push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

function shortened(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
