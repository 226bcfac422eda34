/** @file What goes wrong in writing a file, as one line: what, why, and what to do. */
import { InputError } from "../../tensor/errors.ts";

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
  ELOOP: "it is a link; remove it",
  ENXIO: "it is no regular file; remove it",
  EFBIG: "it is larger than files may be there",
  EIO: "the disk fails (EIO)",
};

/** What is written, and what else a user can do. */
export interface Written {
  /** "the image cache"; nothing where the file's name says it. */
  readonly what?: string;
  /** Follows the reason; `code` is the system's. */
  advice(full: boolean, code: string): string;
  /** No folder is made but the file's own: the one above it has been there, and where it is now nobody knows. */
  readonly within?: true;
}

/** A file that a user has named. */
export const ONE_FILE: Written = {
  advice: (full) => (full ? " and start again" : "; choose another name"),
};
const MOVED = "; if the folder was moved, put it back and continue with --resume";
/** A file in the folder of a run, when it starts or ends a step. */
export const RUN_FILE: Written = {
  within: true,
  advice(full, code) {
    if (code === "ENOENT") return MOVED;
    return full ? " and continue with --resume" : "; choose another --out";
  },
};
/** A file that a run adds to while it goes on. */
export const RUN_LOG: Written = {
  advice(full, code) {
    if (code === "ENOENT") return MOVED;
    return full ? " and continue with --resume" : "; mend that and continue with --resume";
  },
};

/** Turns a system error of `action` into one line about `file`. */
export async function explainWrites<T>(
  file: string,
  action: () => T | Promise<T>,
  written: Written = ONE_FILE,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw explained(file, error, written);
  }
}

/** The same for what is done at once. */
export function explainWritesSync<T>(file: string, action: () => T, written: Written = ONE_FILE): T {
  try {
    return action();
  } catch (error) {
    throw explained(file, error, written);
  }
}

/** Anything but the system's errors stays as it is. */
function explained(file: string, error: unknown, { what, advice }: Written): unknown {
  const { code = "", syscall, message } = error as NodeJS.ErrnoException;
  const known = Object.hasOwn(REASONS, code) ? REASONS[code] : undefined;
  const reason = known ?? (syscall === undefined ? undefined : message);
  if (reason === undefined) return error;
  const subject = what === undefined ? "" : `${what} `;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new InputError(`${file}: ${subject}cannot be written: ${reason}${advice(full, code)}`, {
    cause: error,
  });
}
