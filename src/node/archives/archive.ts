/** @file What tar and zip share: an index of the files, which entries are refused, and how errors read. */
import { posix } from "node:path";
import { unicodeForms } from "../../data/file-names.ts";
import { InputError } from "../../tensor/errors.ts";
import { requireRegular } from "../files/read.ts";
import { checkSize, explained, type FileTree, type Listing, listingsOf } from "./file-tree.ts";

/** Where an entry lies; `size` is the most that it may unfold to. */
interface Entry {
  readonly size: number;
}

/**
 * An archive as a tree; nothing is unpacked.
 * @param addEntries - fills the index from the archive; throws if that is damaged or has an entry that is refused
 * @param read - the bytes of one entry
 * @throws InputError if the archive can't be indexed
 */
export async function archiveTree<Place extends Entry>(
  archive: string,
  addEntries: (index: Map<string, Place>) => Promise<void>,
  read: (place: Place) => Promise<Uint8Array>,
): Promise<FileTree> {
  const index = new Map<string, Place>();
  try {
    await requireRegular(archive);
    await addEntries(index);
  } catch (error) {
    throw brokenArchive(archive, error);
  }
  let listings: ReadonlyMap<string, Listing> | undefined;
  return {
    place: archive,
    packed: true,
    async has(file) {
      return unicodeForms(file).some((form) => index.has(form));
    },
    identity: async (folder) => folder,
    async list(folder) {
      listings ??= listingsOf(index.keys());
      const listing = listings.get(folder);
      if (listing === undefined && folder !== "") {
        throw new InputError(`${archive}: no folder ${folder} in it; expected one with images`);
      }
      return listing ?? { folders: [], files: [], links: [], lost: [] };
    },
    read: (file) =>
      explained(file, archive, async () => {
        const form = unicodeForms(file).find((each) => index.has(each));
        const place = form === undefined ? undefined : index.get(form);
        if (place === undefined) throw new Error("no such entry");
        checkSize(file, archive, place.size);
        return read(place);
      }),
  };
}

/** Folders inside each other, far more than any data set has. */
const DEEPEST = 64;

/**
 * The path of an archive's entry, with "/" between names and at a folder's end.
 * @throws InputError if it leads elsewhere, or has no name
 */
export function entryPath(archive: string, name: string): string {
  const folders = name.split(/[\\/]/); // archivers on Windows wrote backslashes
  const refused = (what: string): InputError =>
    new InputError(
      `${archive}: entry "${name.slice(0, 200)}" ${what}; refused: get the archive from its official source`,
    );
  if (folders[0] === "" || /^[A-Za-z]:/.test(name) || folders.includes("..")) {
    throw refused("leads out of the archive");
  }
  if (folders.length > DEEPEST) throw refused(`lies in ${folders.length - 1} folders`);
  return posix.normalize(folders.join("/"));
}

/** What is said of an entry that is neither a file nor a folder. */
export function refusedEntry(archive: string, name: string, kind: string): InputError {
  return new InputError(`${archive}: entry "${name}" is a ${kind}; refused: expected files and folders only`);
}

/** An archive that can't be opened or indexed. */
export function brokenArchive(archive: string, error: unknown): InputError {
  if (error instanceof InputError) return error;
  return new InputError(
    `${archive}: can't be read as an archive (${(error as Error).message}); it may be cut off: fetch it again`,
    { cause: error },
  );
}
