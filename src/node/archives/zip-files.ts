/** @file A zip, its files read where they lie. */
import { stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import { archiveTree, entryPath, refusedEntry } from "./archive.ts";
import type { FileTree } from "./file-tree.ts";
import { ReadAhead } from "./read-ahead.ts";

/** What is kept of an entry: a data set has hundreds of thousands. */
interface Place
  extends Pick<
    Entry,
    "relativeOffsetOfLocalHeader" | "compressedSize" | "uncompressedSize" | "compressionMethod"
  > {
  /** The larger of both sizes. */
  readonly size: number;
}

const STORED = 0;
const DEFLATED = 8;
const FILE_TYPE = 0xf000;
/** What an entry may be on Unix, besides a file and a folder. */
const REFUSED_TYPES: Readonly<Record<number, string>> = {
  4096: "fifo",
  8192: "character-device",
  24576: "block-device",
  40960: "symlink",
  49152: "socket",
};

/**
 * The files of a zip; nothing is unpacked.
 * @throws InputError if it is damaged, or an entry is encrypted, a link, or leads out of it.
 */
export async function zipFiles(archive: string): Promise<FileTree> {
  let zip: ZipFile;
  return archiveTree<Place>(
    archive,
    async (index) => {
      // Names are left as bytes, so that the checks are the same as for a tar.
      const options = { autoClose: false, lazyEntries: true, decodeStrings: false };
      const reader = new ReadAhead(archive);
      zip = await fromRandomAccessReaderPromise(reader, (await stat(archive)).size, options);
      for await (const entry of zip.eachEntry()) addEntry(index, archive, entry);
      reader.indexed();
    },
    async (place) => {
      const { compressedSize, uncompressedSize, compressionMethod } = place;
      const header = place as unknown as Entry; // only the offset is read
      const { fileDataStart } = await zip.readLocalFileHeaderPromise(header, { minimal: true });
      // Stops at the first byte beyond the size that the entry claims.
      const deflated = compressionMethod === DEFLATED;
      return new Promise((resolve, reject) => {
        // Its twin that returns a promise calls another function (yauzl 3.4.0).
        zip.openReadStreamLowLevel(
          ...([fileDataStart, compressedSize, 0, compressedSize, deflated, uncompressedSize] as const),
          (error, stream) => (error ? reject(error) : buffer(stream).then(resolve, reject)),
        );
      });
    },
  );
}

function addEntry(index: Map<string, Place>, archive: string, entry: Entry): void {
  const path = entryPath(archive, nameOf(entry));
  const refused = REFUSED_TYPES[(entry.externalFileAttributes >>> 16) & FILE_TYPE];
  if (refused !== undefined) throw refusedEntry(archive, path, refused);
  if (path.endsWith("/")) return;
  if (entry.isEncrypted()) throw refusedEntry(archive, path, "file with a password");
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    throw refusedEntry(archive, path, `file compressed by method ${entry.compressionMethod}`);
  }
  const { relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod } = entry;
  const size = Math.max(compressedSize, uncompressedSize);
  index.set(path, {
    size,
    relativeOffsetOfLocalHeader,
    compressedSize,
    uncompressedSize,
    compressionMethod,
  });
}

/** Bit of an entry whose name is UTF-8, and the field that has a name in UTF-8 beside another one. */
const UTF8_FLAG = 0x800;
const UNICODE_PATH = 0x7075;

/**
 * The name of an entry. Without the flag names should be in code page 437, but macOS, Java and most programs on Linux
 * write UTF-8 all the same: what is UTF-8 by its bytes is taken as that, as other text hardly ever is by chance.
 */
function nameOf({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string {
  const told = (generalPurposeBitFlag & UTF8_FLAG) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH);
  if (!told) {
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(fileNameRaw);
    } catch {
      // another code page
    }
  }
  return getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
}
