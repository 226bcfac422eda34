/** @file Files that are written whole or not at all, with errors a user can act on. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { InputError } from "../tensor/errors.ts";

/** Writes a file through a temporary one beside it, synced and renamed. @throws InputError for a full disk or no permission. */
export async function writeWhole(file: string, content: string | Uint8Array): Promise<void> {
  await explainWrites(file, async () => {
    mkdirSync(dirname(file), { recursive: true });
    await writeFileAtomic(
      file,
      typeof content === "string"
        ? content
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    );
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "no permission to write there",
  EPERM: "no permission to write there",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "a part of the path is a file, not a folder",
};

/** What is written, and what else a user can do. */
export interface Written {
  /** "the image cache"; nothing for a file of a run. */
  readonly what?: string;
  /** Follows the reason. */
  advice(full: boolean): string;
}

const RUN: Written = { advice: (full) => (full ? " and continue with --resume" : "; choose another --out") };

/** Turns a system error of `action` into one line about `file`. */
export async function explainWrites<T>(
  file: string,
  action: () => T | Promise<T>,
  { what, advice }: Written = RUN,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const reason = REASONS[code];
    if (reason === undefined) throw error;
    const subject = what === undefined ? "" : `${what} `;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new InputError(`${file}: ${subject}cannot be written: ${reason}${advice(full)}`, { cause: error });
  }
}
