/** @file Compressed tars: they can't be read in place, so the tar inside is written beside them, once. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { InputError } from "../../tensor/errors.ts";
import { requireRegular } from "../files/read.ts";
import { WholeFile } from "../files/write.ts";
import { brokenArchive } from "./archive.ts";
import type { FileTree } from "./file-tree.ts";
import { tarFiles } from "./tar-files.ts";

/** Whether a file's name is that of a compressed tar. */
export const isCompressedTar = (name: string): boolean => /\.(tgz|tar\.gz)$/.test(name);

/** Images and text shrink to a tenth at best; a bomb of zeros to a thousandth. */
const LARGEST_RATIO = 20;
const SMALL = 64 * 2 ** 20;

/**
 * The bytes inside a gzip file. The stream fails when they become far more than a data set's archive can hold.
 * @param archive - path of the file
 */
export async function gunzipped(archive: string): Promise<Readable> {
  await requireRegular(archive);
  const { size } = await stat(archive);
  const limit = SMALL + LARGEST_RATIO * size;
  let total = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _, done) {
      total += chunk.length;
      if (total <= limit) return done(null, chunk);
      done(
        new InputError(
          `${archive}: unfolds to more than ${limit} bytes from ${size}; refused: no archive of images shrinks so much, get it from its official source`,
        ),
      );
    },
  });
  const inside = createReadStream(archive);
  const unzip = createGunzip();
  // Errors of the sources reach whoever reads the last stream.
  pipeline(inside, unzip, bounded).catch((error: Error) => bounded.destroy(error));
  return bounded;
}

/**
 * The files of a compressed tar: `x.tgz` becomes `x.tar` in the same folder if that is not there, and is read in place.
 * Entries are never written under their own names.
 * @throws InputError if it is damaged or a bomb, has entries that are refused, or the folder can't be written to.
 */
export async function compressedTarFiles(archive: string): Promise<FileTree> {
  const tar = `${archive.replace(/\.(tgz|tar\.gz)$/, "")}.tar`;
  if (await stat(tar).catch(() => undefined)) return tarFiles(tar);
  const whole = await WholeFile.open(tar).catch((error: unknown) => {
    throw unpackingFailure(archive, tar, error);
  });
  try {
    for await (const chunk of await gunzipped(archive)) await whole.append(chunk as Uint8Array);
    await tarFiles(whole.temporary);
    await whole.finish();
  } catch (error) {
    throw unpackingFailure(archive, whole.temporary, error);
  } finally {
    await whole.discard();
  }
  return tarFiles(tar);
}

const UNWRITABLE = ["EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT"];

function unpackingFailure(archive: string, unfinished: string, error: unknown): InputError {
  const { code = "" } = ((error as Error).cause ?? error) as NodeJS.ErrnoException;
  if (UNWRITABLE.includes(code)) {
    const full = code === "ENOSPC" || code === "EDQUOT";
    const reason = full ? "the disk is full" : "the folder can't be written to";
    return new InputError(
      `${archive}: has to be unpacked once beside itself, but ${reason}; unpack it elsewhere and give that folder as --data`,
      { cause: error },
    );
  }
  const found = brokenArchive(archive, error);
  return new InputError(found.message.replaceAll(unfinished, archive), { cause: error });
}
