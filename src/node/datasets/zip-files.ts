/** @file Images in a zip, read where they lie. */
import { stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { type Entry, fromRandomAccessReaderPromise, getFileNameLowLevel, type ZipFile } from "yauzl";
import {
  brokenArchive,
  checkSize,
  entryPath,
  explained,
  type ImageFiles,
  refusedEntry,
} from "./image-files.ts";
import { ReadAhead } from "./read-ahead.ts";

/** What is kept of an entry: a data set has hundreds of thousands. */
type Place = Pick<
  Entry,
  "relativeOffsetOfLocalHeader" | "compressedSize" | "uncompressedSize" | "compressionMethod"
>;

const STORED = 0;
const DEFLATED = 8;
const SYMBOLIC_LINK = 0xa000;
const FILE_TYPE = 0xf000;

/**
 * The files of a zip; nothing is unpacked.
 * @throws InputError if it is damaged, or an entry is encrypted, a link, or leads out of it.
 */
export async function zipFiles(archive: string): Promise<ImageFiles> {
  const index = new Map<string, Place>();
  let zip: ZipFile;
  try {
    // Names are left as bytes, so that the checks are the same as for a tar.
    const options = { autoClose: false, lazyEntries: true, decodeStrings: false };
    const reader = new ReadAhead(archive);
    zip = await fromRandomAccessReaderPromise(reader, (await stat(archive)).size, options);
    for await (const entry of zip.eachEntry()) addEntry(index, archive, entry);
    reader.indexed();
  } catch (error) {
    throw brokenArchive(archive, error);
  }
  return {
    place: archive,
    async has(path) {
      return index.has(path);
    },
    read: (path) =>
      explained(path, archive, async () => {
        const place = index.get(path);
        if (place === undefined) throw new Error("no such entry");
        const { compressedSize, uncompressedSize, compressionMethod } = place;
        checkSize(path, archive, Math.max(compressedSize, uncompressedSize));
        const { fileDataStart } = await zip.readLocalFileHeaderPromise(place as Entry, { minimal: true });
        // Stops at the first byte beyond the size that the entry claims.
        const deflated = compressionMethod === DEFLATED;
        return new Promise((resolve, reject) => {
          // Its twin that returns a promise calls another function (yauzl 3.4.0).
          zip.openReadStreamLowLevel(
            ...([fileDataStart, compressedSize, 0, compressedSize, deflated, uncompressedSize] as const),
            (error, stream) => (error ? reject(error) : buffer(stream).then(resolve, reject)),
          );
        });
      }),
  };
}

function addEntry(index: Map<string, Place>, archive: string, entry: Entry): void {
  const path = entryPath(archive, nameOf(entry));
  if (((entry.externalFileAttributes >>> 16) & FILE_TYPE) === SYMBOLIC_LINK) {
    throw refusedEntry(archive, path, "symlink");
  }
  if (path.endsWith("/")) return;
  if (entry.isEncrypted()) throw refusedEntry(archive, path, "file with a password");
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED) {
    throw refusedEntry(archive, path, `file compressed by method ${entry.compressionMethod}`);
  }
  const { relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod } = entry;
  index.set(path, { relativeOffsetOfLocalHeader, compressedSize, uncompressedSize, compressionMethod });
}

const nameOf = ({ generalPurposeBitFlag, fileNameRaw, extraFields }: Entry): string =>
  getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
