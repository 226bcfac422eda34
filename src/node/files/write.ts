/** @file Files that are written whole or not at all, with errors a user can act on. */
import { accessSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { InputError } from "../../tensor/errors.ts";

/** Writes a file through a temporary one beside it, synced and renamed. @throws InputError for a full disk or no permission. */
export async function writeWhole(
  file: string,
  content: string | Uint8Array,
  written: Written = RUN,
): Promise<void> {
  const write = async (): Promise<void> => {
    mkdirSync(dirname(file), { recursive: true });
    await writeFileAtomic(
      file,
      typeof content === "string"
        ? content
        : Buffer.from(content.buffer, content.byteOffset, content.byteLength),
    );
  };
  await explainWrites(file, write, written);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full; free some space",
  EDQUOT: "the disk quota is used up; free some space",
  EACCES: "no permission to write there",
  EPERM: "no permission to write there",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is a file, not a folder",
  EEXIST: "a part of the path is a file, not a folder",
  EISDIR: "it is a folder; name a file",
  ENOENT: "a part of the path does not exist",
  ENAMETOOLONG: "the name is too long",
};

/** What is written, and what else a user can do. */
export interface Written {
  /** "the image cache"; nothing for a file of a run. */
  readonly what?: string;
  /** Follows the reason. */
  advice(full: boolean): string;
}

const RUN: Written = { advice: (full) => (full ? " and continue with --resume" : "; choose another --out") };

/** Name of the file beside `file` that it is written to first. */
export const temporaryName = (file: string): string => `${file}.${process.pid}.tmp`;

/**
 * Finds out whether a file can be written, before the work whose result it is to hold.
 * @param option as it was typed: "--out"
 * @throws InputError for what is there and no regular file (a rename would replace a device), and for what can't be
 */
export async function checkTarget(option: string, file: string): Promise<void> {
  if (file === "" || /[/\\]$/.test(file)) {
    throw new InputError(`${option} ${JSON.stringify(file)}: expected the name of a file`);
  }
  await explainWrites(
    `${option} ${file}`,
    () => {
      const found = statSync(file, { throwIfNoEntry: false });
      if (found?.isDirectory() === true) throw new InputError(`${option} ${file}: is a folder; name a file`);
      if (found?.isFile() === false) {
        throw new InputError(
          `${option} ${file}: is no regular file; it would be replaced, choose another name`,
        );
      }
      statSync(temporaryName(file), { throwIfNoEntry: false }); // longer than the name itself
      let folder = dirname(file);
      while (!existsSync(folder)) folder = dirname(folder);
      accessSync(folder, constants.W_OK);
    },
    { advice: () => "; choose another name" },
  );
}

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
