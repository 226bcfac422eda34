/** @file Folders and files by their path below some place: a folder, or an archive that is read in place. */
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { isHidden, isImageName, nameHint, unicodeForms } from "../../data/file-names.ts";
import { InputError } from "../../tensor/errors.ts";
import { LARGEST_IMAGE, readWhole } from "../files/read.ts";

/** Names in a folder, sorted by their characters (no locale: the same on every machine), hidden ones left out. */
export interface Listing {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Those of the folders that are links. */
  readonly links: readonly string[];
  /** What is neither, with the reason: "cat: a link that leads nowhere". */
  readonly lost: readonly string[];
}

/** Where a data set lies. Paths have "/" between names; "" is the top. */
export interface FileTree {
  /** The folder or archive, for messages. */
  readonly place: string;
  /** Whether it is (in) an archive, whose folders can't be given as a place. */
  readonly packed: boolean;
  /** Also if it is there under the same name in another Unicode form, as `read` finds it. */
  has(file: string): Promise<boolean>;
  /** @throws InputError if there is no such folder. */
  list(folder: string): Promise<Listing>;
  /** The same text for the same folder, whatever links lead to it. */
  identity(folder: string): Promise<string>;
  /** @throws InputError that names the file if it can't be read. */
  read(file: string): Promise<Uint8Array>;
}

/** Files below `root`; `has` lists each folder once, when first asked about. */
export function folderTree(root: string): FileTree {
  const listed = new Map<string, Promise<ReadonlySet<string>>>();
  const names = async (folder: string): Promise<ReadonlySet<string>> =>
    new Set(await readdir(join(root, folder)).catch(() => []));
  const isThere = async (file: string): Promise<boolean> => {
    const folder = posix.dirname(file);
    if (!listed.has(folder)) listed.set(folder, names(folder));
    return (await listed.get(folder)!).has(posix.basename(file));
  };
  return {
    place: root,
    packed: false,
    async has(file) {
      for (const form of unicodeForms(file)) if (await isThere(form)) return true;
      return false;
    },
    list: (folder) => listFolder(join(root, folder)),
    // One that is not there is told by listing it.
    identity: (folder) => realpath(join(root, folder)).catch(() => resolve(root, folder)),
    read: (file) =>
      explained(file, root, async () => {
        for (const form of unicodeForms(file)) {
          const found = await regularFile(join(root, form));
          if (found) return readWhole(join(root, form), LARGEST_IMAGE);
        }
        throw new Error(`no such file${nameHint(file)}`);
      }),
  };
}

/** Whether there is a file. @throws Error if it is none that ends, or too large for an image */
async function regularFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  if (found === undefined) return false;
  if (!found.isFile()) throw new Error("it is no file");
  if (found.size > LARGEST_IMAGE) {
    throw new Error(`it has ${found.size} bytes; expected ${LARGEST_IMAGE} at most`);
  }
  return true;
}

async function listFolder(path: string): Promise<Listing> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === "ENOENT" ? `no such folder${nameHint(path)}` : message;
    throw new InputError(`${path}: ${reason}; expected a folder with images`, { cause: error });
  }
  const listing = {
    folders: [] as string[],
    files: [] as string[],
    links: [] as string[],
    lost: [] as string[],
  };
  for (const entry of entries) {
    const { name } = entry;
    if (isHidden(name)) continue;
    // Data sets are often assembled from links.
    const isLink = entry.isSymbolicLink();
    const kind = isLink ? await stat(join(path, name)).catch(() => null) : entry;
    if (kind?.isDirectory()) listing.folders.push(name);
    else if (kind?.isFile()) listing.files.push(name);
    else if (kind === null && isImageName(name))
      listing.files.push(name); // reading it says why there is none
    else
      listing.lost.push(
        `${name}: ${kind === null ? "a link that leads nowhere" : "neither file nor folder"}`,
      );
    if (isLink && kind?.isDirectory()) listing.links.push(name);
  }
  for (const names of Object.values(listing)) names.sort();
  return listing;
}

/** The folders that a list of files implies; a folder without files is not there. */
export function listingsOf(files: Iterable<string>): ReadonlyMap<string, Listing> {
  const found = new Map<string, { folders: Set<string>; files: string[] }>();
  const at = (folder: string): { folders: Set<string>; files: string[] } => {
    const known = found.get(folder);
    if (known !== undefined) return known;
    const fresh = { folders: new Set<string>(), files: [] };
    found.set(folder, fresh);
    if (folder !== "") at(parent(folder)).folders.add(posix.basename(folder));
    return fresh;
  };
  for (const file of files) {
    if (!file.split("/").some(isHidden)) at(parent(file)).files.push(posix.basename(file));
  }
  return new Map(
    [...found].map(([folder, each]) => [
      folder,
      { folders: [...each.folders].sort(), files: each.files.sort(), links: [], lost: [] },
    ]),
  );
}

const parent = (path: string): string => (path.includes("/") ? posix.dirname(path) : "");

/** The part of a tree below one of its folders. */
export function below(tree: FileTree, folder: string): FileTree {
  const inside = (path: string): string => posix.join(folder, path).replace(/\/$/, "");
  return {
    place: join(tree.place, folder),
    packed: tree.packed,
    has: (file) => tree.has(inside(file)),
    list: (path) => tree.list(inside(path)),
    identity: (path) => tree.identity(inside(path)),
    read: (file) => tree.read(inside(file)),
  };
}

/** `Dataset.source` of a file: its path, and size and time of it or of the archive it is in. @throws InputError if it is gone */
export async function sourceOf(tree: Pick<FileTree, "place">, file: string): Promise<string> {
  const { path, size, modified } = await foundAt(tree, file);
  return [path, size, modified].join("\n");
}

/** `Dataset.size` of a file: bytes of it, or of the archive it is in. @throws InputError if it is gone */
export async function sizeIn(tree: Pick<FileTree, "place">, file: string): Promise<number> {
  return (await foundAt(tree, file)).size;
}

async function foundAt(
  { place }: Pick<FileTree, "place">,
  file: string,
): Promise<{ readonly path: string; readonly size: number; readonly modified: number }> {
  return explained(file, place, async () => {
    for (const form of unicodeForms(file)) {
      const path = resolve(place, form);
      let outermost = path;
      let found = await stat(path).catch(() => null);
      while (found === null && dirname(outermost) !== outermost) {
        outermost = dirname(outermost); // of a file in an archive, the archive is what exists
        found = await stat(outermost).catch(() => null);
      }
      if (found?.isFile() === true) return { path, size: found.size, modified: found.mtimeMs };
    }
    throw new Error(`no such file${nameHint(file)}`);
  });
}

/** Turns what goes wrong while reading one file into a line about it. */
export async function explained<T>(file: string, place: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${file}: can't be read from ${place} (${(error as Error).message})`, {
      cause: error,
    });
  }
}

/** Above any photo, below what would harm: an archive may claim, or unfold to, anything. */
const LARGEST_FILE = 64 * 2 ** 20;

/** @throws InputError if a file of an archive is larger than images are */
export function checkSize(file: string, archive: string, bytes: number): void {
  if (bytes > LARGEST_FILE) {
    throw new InputError(
      `${file}: ${bytes} bytes in ${basename(archive)}; expected an image of ${LARGEST_FILE} bytes at most`,
    );
  }
}
