/** @file Images in an uncompressed tar: indexed once by streaming, then read where they lie. */
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import {
  brokenArchive,
  checkSize,
  entryPath,
  explained,
  type ImageFiles,
  refusedEntry,
} from "./image-files.ts";

interface Place {
  readonly start: number;
  readonly size: number;
}

/**
 * The files of a tar; nothing is unpacked.
 * @throws InputError if it is damaged, or an entry is a link or leads out of it.
 */
export async function tarFiles(archive: string): Promise<ImageFiles> {
  let index: ReadonlyMap<string, Place>;
  try {
    index = await indexed(archive);
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
        checkSize(path, archive, place.size);
        // Opened for each image, so that a data set needs no closing.
        const file = await open(archive);
        try {
          const bytes = new Uint8Array(place.size);
          const { bytesRead } = await file.read(bytes, 0, place.size, place.start);
          if (bytesRead < place.size) throw new Error("the archive ends before the image does");
          return bytes;
        } finally {
          await file.close();
        }
      }),
  };
}

async function indexed(archive: string): Promise<Map<string, Place>> {
  const index = new Map<string, Place>();
  const { size: end } = await stat(archive);
  const reader = extract();
  reader.on("entry", (header, content, next) => {
    // The reader's error also comes here; it is the pipeline that reports it.
    content.on("error", () => {});
    content.on("end", next).resume();
    try {
      if (header.type === "directory") return;
      const path = entryPath(archive, header.name);
      if (header.type !== "file" && header.type !== "contiguous-file") {
        throw refusedEntry(archive, header.name, header.type);
      }
      const { size, byteOffset: start } = header as Header & { byteOffset: number }; // not in its types
      if (start + size > end) throw new Error(`it ends within ${header.name}`);
      index.set(path, { start, size }); // the last of a name counts, as in unpacking
    } catch (error) {
      reader.destroy(error as Error);
    }
  });
  await pipeline(createReadStream(archive), reader);
  return index;
}
