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
  ENOSPC: "the disk is full; free some space and continue with --resume",
  EACCES: "no permission to write there; choose another --out",
  EPERM: "no permission to write there; choose another --out",
  EROFS: "the file system is read-only; choose another --out",
  ENOTDIR: "a part of the path is a file, not a folder; choose another --out",
  EEXIST: "a part of the path is a file, not a folder; choose another --out",
};

/** Turns a system error of `action` into one line about `file`. */
export async function explainWrites<T>(file: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ""];
    if (reason === undefined) throw error;
    throw new InputError(`${file}: cannot be written: ${reason}`, { cause: error });
  }
}
