/** @file An uncompressed tar: indexed once by streaming, then read where its files lie. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import { nameHint } from "../../data/file-names.ts";
import { archiveTree, entryPath, refusedEntry } from "./archive.ts";
import type { FileTree } from "./file-tree.ts";

/** What a tar is made of; one of zeros ends it. */
const BLOCK = 512;

interface Place {
  readonly start: number;
  readonly size: number;
}

/**
 * The files of a tar; nothing is unpacked.
 * @throws InputError if it is damaged, or an entry is a link or leads out of it.
 */
export function tarFiles(archive: string): Promise<FileTree> {
  return archiveTree<Place>(
    archive,
    async (index) => {
      const { size: end } = await stat(archive);
      await eachTarFile(archive, createReadStream(archive), ({ path, size, start }) => {
        if (start + size > end) throw new Error(`it ends within ${path}`);
        // Two names that are no UTF-8 may read the same: one of them would be lost.
        if (nameHint(path) !== "" && index.has(path))
          throw new Error(`${path} is there twice${nameHint(path)}`);
        index.set(path, { start, size }); // the last of a name counts, as in unpacking
      });
      // Cut off between two files, it would only seem to have fewer.
      const last = await readAt(archive, Math.max(0, end - BLOCK), BLOCK);
      if (last.length < BLOCK || last.some((byte) => byte !== 0)) throw new Error("it has no end mark");
    },
    async ({ start, size }) => {
      const bytes = await readAt(archive, start, size);
      if (bytes.length < size) throw new Error("the archive ends before the image does");
      return bytes;
    },
  );
}

/** At most `size` bytes. The file is opened for each read, so that a data set needs no closing. */
async function readAt(file: string, start: number, size: number): Promise<Uint8Array> {
  const handle = await open(file);
  try {
    const bytes = new Uint8Array(size);
    const { bytesRead } = await handle.read(bytes, 0, size, start);
    return bytes.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** One file of a tar. */
export interface TarFile extends Place {
  readonly path: string;
  /** `visit` reads all of it, or nothing. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Visits the files of a tar in their order.
 * @param visit - what it throws ends the pass; a promise is awaited before the next file
 * @throws InputError at an entry that is no file or leads out; Error if the tar is damaged
 */
export async function eachTarFile(
  archive: string,
  bytes: Readable,
  visit: (file: TarFile) => void | Promise<void>,
): Promise<void> {
  const reader = extract();
  const take = async (header: Header, content: AsyncIterable<Uint8Array>): Promise<void> => {
    if (header.type === "directory") return;
    const path = entryPath(archive, header.name);
    if (header.type !== "file" && header.type !== "contiguous-file") {
      throw refusedEntry(archive, header.name, header.type ?? "file of unknown type");
    }
    const { size, byteOffset: start } = header as Header & { size: number; byteOffset: number }; // not in its types
    await visit({ path, size, start, content });
  };
  reader.on("entry", (header, content, next) => {
    // The reader's error also comes here; it is the pipeline that reports it.
    content.on("error", () => {});
    content.on("end", next);
    take(header, content as AsyncIterable<Uint8Array>).then(
      () => content.resume(),
      (error: Error) => reader.destroy(error),
    );
  });
  await pipeline(bytes, reader);
}
