/** @file Folders of images, one folder a class, as people have them: listed at once, read when needed. */
import { join } from "node:path";
import type { Dataset, Sample } from "../../data/dataset.ts";
import { isImageName } from "../../data/file-names.ts";
import { Findings } from "../../data/problems.ts";
import { InputError } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import { below, type FileTree, sizeIn, sourceOf } from "../archives/file-tree.ts";
import { imagesBelow, Leftovers } from "../archives/image-walk.ts";
import { type Parts, partsIn } from "./parts.ts";

const TEST_SHARE = 0.2;

/**
 * Lists the images of a tree: `train/<class>/` and `test/<class>/`, or `<class>/` with a seeded 80 to 20 split. In an
 * archive these may lie in folders that have nothing else. A class has all images below its folder.
 * Classes and files are in the order of their names' characters; hidden files are passed over, and what else is left
 * out is told in `Dataset.notices`.
 * @param needs what the layout must be, for messages
 * @throws DataProblemsError if a class has no images, or train and test have other classes.
 */
export async function openClasses(
  given: FileTree,
  seed: number,
  { name, needs }: { readonly name: string; readonly needs: string },
): Promise<Dataset> {
  const tree = given.packed ? await insideOf(given) : given;
  const { folders, files, lost } = await tree.list("");
  if (folders.length === 0) {
    const images = files.some(isImageName);
    const found = images ? "images but no class folders" : "no class folders";
    const advice = images ? ": give the folder above it, if this is one class" : "";
    throw new InputError(`${tree.place}: found ${found}; expected one folder a class (${needs})${advice}`);
  }
  const listing = new ClassListing(tree);
  listing.outside("", files);
  listing.lost("", lost);
  const parts = await partsIn(tree);
  const split = parts === null ? await listing.seeded(folders, seed) : await listing.divided(parts, folders);
  return {
    name,
    domainNames: ["photo"],
    ...split,
    notices: listing.notices,
    source: (sample) => sourceOf(tree, sample.id),
    size: (sample) => sizeIn(tree, sample.id),
    async read(sample) {
      return { kind: "encoded", bytes: await tree.read(sample.id) };
    },
  };
}

/** The folder of an archive below which something is beside each other, or a class is. */
async function insideOf(archive: FileTree): Promise<FileTree> {
  let tree = archive;
  for (;;) {
    const { folders, files } = await tree.list("");
    const [only] = folders;
    if (folders.length !== 1 || files.some(isImageName)) return tree;
    const inner = await tree.list(only!);
    if (inner.folders.length === 0 || inner.files.some(isImageName)) return tree;
    tree = below(tree, only!);
  }
}

type Split = Pick<Dataset, "classNames" | "train" | "test">;

/** A class's name, in Unicode's composed form, and its folder. */
type Folders = ReadonlyMap<string, string>;

/** Lists the classes of one tree, collecting problems and leftovers. */
class ClassListing {
  readonly #tree: FileTree;
  readonly #findings = new Findings();
  readonly #leftovers = new Leftovers();
  /** The class folders, to which no link within another class may lead. */
  readonly #own = new Set<string>();

  constructor(tree: FileTree) {
    this.#tree = tree;
  }

  get notices(): readonly string[] {
    return this.#leftovers.notices;
  }

  /** Counts images that lie beside class folders. */
  outside(folder: string, files: readonly string[]): void {
    for (const file of files) if (isImageName(file)) this.#leftovers.add("outside", join(folder, file));
    this.#leftovers.addUnread(folder, files);
  }

  /** What may have been a class is a problem: it would be missing without a word. */
  lost(folder: string, names: readonly string[]): void {
    for (const name of names) {
      this.#findings.add(`${join(this.#tree.place, folder)}: ${name}; mend or remove it`);
    }
  }

  async divided({ train: trainFolder, test: testFolder }: Parts, top: readonly string[]): Promise<Split> {
    for (const name of top) {
      if (name !== trainFolder && name !== testFolder) this.#leftovers.add("beside", name);
    }
    const train = await this.#classesIn(trainFolder);
    const test = await this.#classesIn(testFolder);
    const missing = [
      ...[...train.keys()].filter((name) => !test.has(name)).map((name) => `${testFolder}/${name}`),
      ...[...test.keys()].filter((name) => !train.has(name)).map((name) => `${trainFolder}/${name}`),
    ];
    const { place } = this.#tree;
    if (missing.length > 0) {
      this.#findings.add(
        `${place}: ${trainFolder}/ and ${testFolder}/ must have the same classes; missing: ${shortened(missing)}`,
      );
    }
    if (train.size === 0) {
      this.#findings.add(`${join(place, trainFolder)}: no class folders; expected one a class`);
    }
    await this.#claim(train.values(), test.values());
    const split = {
      classNames: [...train.keys()],
      train: await this.#samples(train),
      test: await this.#samples(test),
    };
    this.#findings.stop();
    return split;
  }

  async seeded(folders: readonly string[], seed: number): Promise<Split> {
    const classes = this.#named("", folders);
    await this.#claim(classes.values());
    const train: Sample[] = [];
    const test: Sample[] = [];
    const listed = await this.#images(classes);
    for (const [label, [name, path]] of [...classes].entries()) {
      const ids = listed[label]!;
      if (ids.length === 1) {
        this.#findings.add(
          `${join(this.#tree.place, path)}: one image can't be split into train and test; add another`,
        );
      }
      const held = heldOut(ids, seed, name);
      for (const id of ids) (held.has(id) ? test : train).push({ id, label, domain: 0 });
    }
    this.#findings.stop();
    return { classNames: [...classes.keys()], train, test };
  }

  async #claim(...all: readonly Iterable<string>[]): Promise<void> {
    for (const folders of all) {
      for (const folder of folders) this.#own.add(await this.#tree.identity(folder));
    }
  }

  async #classesIn(part: string): Promise<Folders> {
    const { folders, files, lost } = await this.#tree.list(part);
    this.outside(part, files);
    this.lost(part, lost);
    return this.#named(part, folders);
  }

  /** In the order of the names' characters. */
  #named(part: string, folders: readonly string[]): Folders {
    const classes = new Map<string, string>();
    for (const folder of folders) {
      const name = folder.normalize("NFC");
      if (classes.has(name)) {
        this.#findings.add(
          `${join(this.#tree.place, part)}: two folders "${name}", whose names differ in Unicode's form alone; put their images together`,
        );
      }
      classes.set(name, part === "" ? folder : `${part}/${folder}`);
    }
    return new Map([...classes].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #samples(classes: Folders): Promise<Sample[]> {
    const listed = await this.#images(classes);
    return listed.flatMap((ids, label) => ids.map((id) => ({ id, label, domain: 0 })));
  }

  /** Ids of the images of each class: paths below the tree's top. */
  async #images(classes: Folders): Promise<string[][]> {
    // Some at a time: the order of notices must not depend on the disk.
    const parts: { ids: string[]; leftovers: Leftovers }[] = [];
    const paths = [...classes.values()];
    for (let start = 0; start < paths.length; start += AT_ONCE) {
      parts.push(
        ...(await Promise.all(paths.slice(start, start + AT_ONCE).map((path) => this.#imagesOf(path)))),
      );
    }
    for (const { leftovers } of parts) this.#leftovers.merge(leftovers);
    return parts.map(({ ids }) => ids);
  }

  async #imagesOf(path: string): Promise<{ ids: string[]; leftovers: Leftovers }> {
    const leftovers = new Leftovers();
    const listing = await this.#findings.ofAsync(() => this.#tree.list(path));
    if (listing === undefined) return { ids: [], leftovers };
    const { files, folders } = listing;
    const direct = files.filter(isImageName);
    if (direct.length === 0) {
      const where = join(this.#tree.place, path);
      this.#findings.add(
        folders.length > 0
          ? `${where}: ${folders.length} folders but no JPEG, PNG or WebP image for this class; if those are the classes, give ${where} as --data`
          : `${where}: no JPEG, PNG or WebP image for this class (${files.length === 0 ? "the folder is empty" : `it has ${files.length} other files`}); add some or remove the folder`,
      );
      return { ids: [], leftovers };
    }
    const others = new Set(this.#own);
    others.delete(await this.#tree.identity(path));
    const ids = await imagesBelow(this.#tree, path, leftovers, others);
    const nested = ids.filter((id) => id.includes("/", path.length + 1));
    for (const id of nested) leftovers.add("nested", id);
    return { ids, leftovers };
  }
}

/** Folders that are listed at a time. */
const AT_ONCE = 64;

/**
 * A fifth of a class's images for testing, one at least. Depends on this class alone: a class added later leaves the
 * others' test images as they are.
 */
export function heldOut(ids: readonly string[], seed: number, name: string): ReadonlySet<string> {
  const shuffled = Rng.at(seed, "split", name).shuffled(ids);
  return new Set(shuffled.slice(0, Math.max(1, Math.round(ids.length * TEST_SHARE))));
}

function shortened(names: readonly string[]): string {
  return names.length <= 5
    ? names.join(", ")
    : `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
}
