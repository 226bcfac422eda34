/** @file Images by their path, in a folder or in an archive that is read in place. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import { InputError } from "../../tensor/errors.ts";

/** Where the images of a data set lie. */
export interface ImageFiles {
  /** The folder or archive, for messages. */
  readonly place: string;
  has(path: string): Promise<boolean>;
  /** @throws InputError that names the path if it can't be read. */
  read(path: string): Promise<Uint8Array>;
}

/** Above any photo, below what would harm: an archive may claim, or unfold to, anything. */
const LARGEST_IMAGE = 64 * 2 ** 20;

/** Files below `root`; each folder is listed once, when first asked about. */
export function folderFiles(root: string): ImageFiles {
  const listed = new Map<string, Promise<ReadonlySet<string>>>();
  const names = async (folder: string): Promise<ReadonlySet<string>> =>
    new Set(await readdir(join(root, folder)).catch(() => []));
  return {
    place: root,
    async has(path) {
      const folder = posix.dirname(path);
      if (!listed.has(folder)) listed.set(folder, names(folder));
      return (await listed.get(folder)!).has(posix.basename(path));
    },
    read: (path) => explained(path, root, () => readFile(join(root, path))),
  };
}

/** The name of an archive's entry without a leading "./". @throws InputError if it leads elsewhere */
export function entryPath(archive: string, name: string): string {
  const folders = name.split(/[\\/]/);
  if (folders[0] === "" || /^[A-Za-z]:/.test(name) || folders.includes("..")) {
    throw new InputError(
      `${archive}: entry "${name}" leads out of the archive; refused: get the archive from its official source`,
    );
  }
  return name.replace(/^(\.\/)+/, "");
}

/** What is said of an entry that is neither a file nor a folder. */
export function refusedEntry(archive: string, name: string, kind: string): InputError {
  return new InputError(`${archive}: entry "${name}" is a ${kind}; refused: expected files and folders only`);
}

/** @throws InputError if an entry is larger than images are */
export function checkSize(path: string, archive: string, bytes: number): void {
  if (bytes > LARGEST_IMAGE) {
    throw new InputError(
      `${path}: ${bytes} bytes in ${basename(archive)}; expected an image of ${LARGEST_IMAGE} bytes at most`,
    );
  }
}

/** Turns what goes wrong while reading one image into a line about it. */
export async function explained<T>(path: string, place: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${path}: can't be read from ${place} (${(error as Error).message})`, {
      cause: error,
    });
  }
}

/** An archive that can't be opened or indexed. */
export function brokenArchive(archive: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  return new InputError(
    `${archive}: can't be read as an archive (${(error as Error).message}); it may be cut off: fetch it again`,
    { cause: error },
  );
}
