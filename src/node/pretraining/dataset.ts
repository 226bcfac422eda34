/** @file What a pre-training can be given: folders of classes, zips of them, or a benchmark's training images. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, posix, resolve } from "node:path";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { byName } from "../../run/registry.ts";
import { InputError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import type { FileTree } from "../archives/file-tree.ts";
import { imagesBelow, Leftovers } from "../archives/image-walk.ts";
import { zipFiles } from "../archives/zip-files.ts";
import { openFolder } from "../benchmarks/folder.ts";
import { REGISTRY } from "../runs/registry.ts";

const LAYOUT =
  "expected class folders (in train/ and test/, or split 80 to 20 by the seed), or zips with CLASS/NAME.jpg: train*.zip and val*.zip or test*.zip";

/**
 * Opens the images.
 * @param options.benchmark the folder is that benchmark's
 * @throws InputError in one line for a folder without classes, a class without images, a damaged zip
 */
export function openPretrainingData(
  data: string,
  { benchmark, seed }: { readonly benchmark?: string | undefined; readonly seed: number },
): Promise<Dataset> {
  return benchmark === undefined
    ? openImages(data, seed)
    : byName(REGISTRY, "benchmarks", benchmark).open({ data, seed });
}

async function openImages(root: string, seed: number): Promise<Dataset> {
  if (!existsSync(root) || !statSync(root).isDirectory()) {
    throw new InputError(`--data ${root}: no such folder; ${LAYOUT}`);
  }
  const zips = readdirSync(root)
    .filter((file) => /\.zip$/i.test(file))
    .sort();
  return zips.length === 0 ? openFolder(root, seed) : openZips(root, zips);
}

async function openZips(root: string, zips: readonly string[]): Promise<Dataset> {
  const archives = new Map<string, FileTree>();
  const leftovers = new Leftovers();
  const parts: Record<"train" | "test", { id: string; className: string }[]> = { train: [], test: [] };
  for (const zip of zips) {
    const part = /^train/i.test(zip) ? "train" : /^(val|test)/i.test(zip) ? "test" : undefined;
    if (part === undefined) {
      throw new InputError(`${join(root, zip)}: neither train*.zip nor val*.zip nor test*.zip; ${LAYOUT}`);
    }
    const archive = await zipFiles(join(root, zip));
    archives.set(zip, archive);
    for (const path of await imagesBelow(archive, "", leftovers)) {
      const className = posix.basename(posix.dirname(path)).normalize("NFC");
      if (className === ".") {
        throw new InputError(`${join(root, zip)}: ${path} is in no class folder; ${LAYOUT}`);
      }
      parts[part].push({ id: `${zip}/${path}`, className });
    }
  }
  const classNames = [...new Set(parts.train.map(({ className }) => className))].sort();
  for (const part of ["train", "test"] as const) {
    if (parts[part].length > 0) continue;
    const name = part === "train" ? "train*.zip" : "val*.zip or test*.zip";
    throw new InputError(`${root}: no image in ${name}; ${LAYOUT}`);
  }
  const samples = (part: "train" | "test"): Sample[] =>
    parts[part]
      .map(({ id, className }) => ({ id, label: labelOf(classNames, className, id), domain: 0 }))
      .sort((a, b) => a.label - b.label || (a.id < b.id ? -1 : 1));
  return {
    name: basename(resolve(root)),
    classNames,
    domainNames: ["photo"],
    train: samples("train"),
    test: samples("test"),
    notices: leftovers.notices,
    async read({ id }) {
      const slash = id.indexOf("/");
      return { kind: "encoded", bytes: await archives.get(id.slice(0, slash))!.read(id.slice(slash + 1)) };
    },
  };
}

function labelOf(classNames: readonly string[], className: string, id: string): number {
  const label = classNames.indexOf(className);
  if (label === -1) throw new InputError(`${id}: its class ${className} has no training images`);
  return label;
}

/** Places among the training images. */
export interface HeldOut {
  readonly held: readonly number[];
  readonly kept: readonly number[];
}

/**
 * Draws `count` training images of each class: places in `train` that are held out, and those that are not.
 * @throws InputError if a class has no more than that
 */
export function holdOut(
  { train, classNames }: Pick<Dataset, "train" | "classNames">,
  count: number,
  seed: number,
): HeldOut {
  const places: number[][] = classNames.map(() => []);
  for (const [place, { label }] of train.entries()) places[label]!.push(place);
  const held = new Set<number>();
  for (const [label, own] of places.entries()) {
    if (own.length <= count) {
      throw new InputError(
        `--hold-out ${count}: class ${classNames[label]} has only ${own.length} training images; choose a smaller number`,
      );
    }
    for (const place of Rng.at(seed, "hold out", label).shuffled(own).slice(0, count)) held.add(place);
  }
  const all = [...train.keys()];
  return { held: all.filter((place) => held.has(place)), kept: all.filter((place) => !held.has(place)) };
}
