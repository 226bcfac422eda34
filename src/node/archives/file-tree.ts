/** @file Folders and files by their path below some place: a folder, or an archive that is read in place. */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { InputError } from "../../tensor/errors.ts";
import { LARGEST_IMAGE, readWhole } from "../files/read.ts";

/** Names in a folder, sorted by their characters (no locale: the same on every machine), hidden ones left out. */
export interface Listing {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** Where a data set lies. Paths have "/" between names; "" is the top. */
export interface FileTree {
  /** The folder or archive, for messages. */
  readonly place: string;
  has(file: string): Promise<boolean>;
  /** @throws InputError if there is no such folder. */
  list(folder: string): Promise<Listing>;
  /** @throws InputError that names the file if it can't be read. */
  read(file: string): Promise<Uint8Array>;
}

/** Files below `root`; `has` lists each folder once, when first asked about. */
export function folderTree(root: string): FileTree {
  const listed = new Map<string, Promise<ReadonlySet<string>>>();
  const names = async (folder: string): Promise<ReadonlySet<string>> =>
    new Set(await readdir(join(root, folder)).catch(() => []));
  return {
    place: root,
    async has(file) {
      const folder = posix.dirname(file);
      if (!listed.has(folder)) listed.set(folder, names(folder));
      return (await listed.get(folder)!).has(posix.basename(file));
    },
    list: (folder) => listFolder(join(root, folder)),
    read: (file) => explained(file, root, () => readWhole(join(root, file), LARGEST_IMAGE)),
  };
}

async function listFolder(path: string): Promise<Listing> {
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
    if (isHidden(entry.name)) continue;
    // Data sets are often assembled from links.
    const kind = entry.isSymbolicLink() ? await stat(join(path, entry.name)).catch(() => entry) : entry;
    if (kind.isDirectory()) folders.push(entry.name);
    else files.push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
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
      { folders: [...each.folders].sort(), files: each.files.sort() },
    ]),
  );
}

// macOS puts its own folder beside what is zipped.
const isHidden = (name: string): boolean => name.startsWith(".") || name === "__MACOSX";
const parent = (path: string): string => (path.includes("/") ? posix.dirname(path) : "");

/** The part of a tree below one of its folders. */
export function below(tree: FileTree, folder: string): FileTree {
  return {
    place: join(tree.place, folder),
    has: (file) => tree.has(posix.join(folder, file)),
    list: (path) => tree.list(posix.join(folder, path).replace(/\/$/, "")),
    read: (file) => tree.read(posix.join(folder, file)),
  };
}

/** `Dataset.source` of a file: its path, and size and time of it or of the archive it is in. @throws InputError if it is gone */
export async function sourceOf({ place }: Pick<FileTree, "place">, file: string): Promise<string> {
  return explained(file, place, async () => {
    const path = resolve(place, file);
    let outermost = path;
    let found = await stat(path).catch(() => null);
    while (found === null && dirname(outermost) !== outermost) {
      outermost = dirname(outermost); // of a file in an archive, the archive is what exists
      found = await stat(outermost).catch(() => null);
    }
    if (found?.isFile() !== true) throw new Error("no such file");
    return [path, found.size, found.mtimeMs].join("\n");
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
