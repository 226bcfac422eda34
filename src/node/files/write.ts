/** @file The one writer of files: every byte counted, whole or not at all, with errors a user can act on. */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  lstatSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { explainWrites, explainWritesSync, ONE_FILE, type Written } from "./write-errors.ts";

/** Bytes of one system call: some take no more than 2 GiB, and then fewer than they were given. */
const CHUNK = 2 ** 24;

/** Writes a file through a temporary one beside it, synced and renamed. @throws InputError for a full disk or no permission. */
export async function writeWhole(
  file: string,
  content: string | Uint8Array,
  written: Written = ONE_FILE,
): Promise<void> {
  const whole = await WholeFile.open(file, written);
  try {
    await whole.append(typeof content === "string" ? new TextEncoder().encode(content) : content);
    await whole.finish();
  } finally {
    await whole.discard();
  }
}

/** Copies a file, whole or not at all. @throws InputError for a full disk or no permission */
export async function copyWhole(from: string, to: string, written: Written = ONE_FILE): Promise<void> {
  const whole = await WholeFile.open(to, written);
  try {
    for await (const chunk of createReadStream(from, { highWaterMark: 2 ** 20 })) {
      await whole.append(chunk as Uint8Array);
    }
    await whole.finish();
  } finally {
    await whole.discard();
  }
}

/** Name of the file beside `file` that it is written to first: nobody can know it before. */
export const temporaryName = (file: string): string => `${file}.${randomBytes(4).toString("hex")}.tmp`;

/** What `temporaryName` adds, where a kill has left such a file. */
export const isTemporary = (name: string): boolean => /\.(?:[0-9a-f]{8}\.tmp|\d+)$/.test(name);

/** A file that appears under its name when all of it is on the disk; what had that name stays until then. */
export class WholeFile {
  readonly file: string;
  /** Where the bytes are until then. */
  readonly temporary: string;
  readonly #written: Written;
  readonly #handle: FileHandle;
  readonly #made: readonly string[];
  /** For a process that ends at once, as at a second Ctrl-C. */
  readonly #atExit = (): void => {
    try {
      rmSync(this.temporary, { force: true });
    } catch {
      // A disk that became read-only keeps it; the error that ends the process is told instead.
    }
  };
  #length = 0;
  #finished = false;

  private constructor(
    { file, temporary, written }: { file: string; temporary: string; written: Written },
    handle: FileHandle,
    made: readonly string[],
  ) {
    this.file = file;
    this.temporary = temporary;
    this.#written = written;
    this.#handle = handle;
    this.#made = made;
    process.once("exit", this.#atExit);
  }

  /** Folders are made if need be. @throws InputError if the file can't be written there */
  static open(file: string, written: Written = ONE_FILE): Promise<WholeFile> {
    return explainWrites(
      file,
      async () => {
        const made = await makeFolders(dirname(file), written.within !== true);
        const temporary = temporaryName(file);
        try {
          const before = lstatSync(file, { throwIfNoEntry: false });
          const handle = await open(temporary, "wx"); // follows no link
          if (before?.isFile() === true) await takeOver(handle, before);
          return new WholeFile({ file, temporary, written }, handle, made);
        } catch (error) {
          await removeEmpty(made);
          throw error;
        }
      },
      written,
    );
  }

  /** Writes at a place, the end if none is given. @throws InputError for a full disk */
  async append(bytes: Uint8Array, position = this.#length): Promise<void> {
    await explainWrites(this.file, () => putAll(this.#handle, bytes, position), this.#written);
    this.#length = Math.max(this.#length, position + bytes.length);
  }

  /** Gives the file its name. @throws InputError if not every byte has reached the disk: then the old file stays */
  async finish(): Promise<void> {
    await explainWrites(
      this.file,
      async () => {
        await this.#handle.sync();
        const { size } = await this.#handle.stat();
        if (size !== this.#length) throw shortFile(size, this.#length);
        await this.#handle.close();
        await rename(this.temporary, this.file);
        this.#finished = true;
        process.off("exit", this.#atExit);
        await syncFolder(dirname(this.file));
      },
      this.#written,
    );
  }

  /** Leaves nothing behind that is not finished, not even folders that were made for it. */
  async discard(): Promise<void> {
    if (this.#finished) return;
    await this.#handle.close().catch(() => {}); // it may be closed already
    await rm(this.temporary, { force: true }).catch(() => {}); // read-only by now: the failed write tells it
    process.off("exit", this.#atExit);
    await removeEmpty(this.#made);
  }
}

/** A file that is replaced keeps its permissions, and for root its owner. */
async function takeOver(
  handle: FileHandle,
  { mode, uid, gid }: { mode: number; uid: number; gid: number },
): Promise<void> {
  await handle.chmod(mode & 0o777).catch(() => {}); // file systems without permissions
  if (process.getuid?.() === 0) await handle.chown(uid, gid).catch(() => {});
}

/** Writes all bytes: on a full disk a write may take fewer than it was given, and only the next one fails. */
export async function putAll(handle: FileHandle, bytes: Uint8Array, position: number | null): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const place = position === null ? null : position + at;
    const { bytesWritten } = await handle.write(bytes, at, Math.min(CHUNK, bytes.length - at), place);
    if (bytesWritten === 0) throw shortFile(at, bytes.length);
    at += bytesWritten;
  }
}

/** The same at once; without a position where the descriptor stands. */
export function putAllSync(descriptor: number, bytes: Uint8Array, position: number | null = null): void {
  for (let at = 0; at < bytes.length; ) {
    const place = position === null ? null : position + at;
    const written = writeSync(descriptor, bytes, at, Math.min(CHUNK, bytes.length - at), place);
    if (written === 0) throw shortFile(at, bytes.length);
    at += written;
  }
}

/** Opens a file to add to it; `read` also to read it. Never through a link, nor anything but a regular file. */
export function openToAppend(file: string, { read = false } = {}): number {
  const { O_APPEND, O_CREAT, O_RDWR, O_WRONLY } = constants;
  // Windows knows neither; there a link needs an administrator, and pipes have places of their own.
  const { O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants as Partial<typeof constants>;
  const flags = (read ? O_RDWR : O_WRONLY) | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
  const descriptor = openSync(file, flags, 0o666);
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw Object.assign(new Error(`${file} is no regular file`), { code: "ENXIO" });
}

/** Adds to a file all bytes or none; with `flush` they are on the disk when this returns. @throws InputError */
export function appendWhole(
  file: string,
  bytes: Uint8Array,
  { flush, written }: { readonly flush: boolean; readonly written: Written },
): void {
  explainWritesSync(
    file,
    () => {
      const descriptor = openToAppend(file);
      try {
        const { size } = fstatSync(descriptor);
        try {
          putAllSync(descriptor, bytes);
        } catch (error) {
          ftruncateSync(descriptor, size); // half a line would be damage
          throw error;
        }
        if (flush) fsyncSync(descriptor);
      } finally {
        closeSync(descriptor);
      }
    },
    written,
  );
}

/** What some systems answer that can't sync a folder, or not without permission to write there. */
const NO_FOLDER_SYNC: readonly (string | undefined)[] = ["EISDIR", "EPERM", "EACCES", "EINVAL", "ENOTSUP"];

/** Makes a rename last through a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NO_FOLDER_SYNC.includes((error as NodeJS.ErrnoException).code)) throw error;
  }
}

/** Not every file system tells of a lack of space in any other way. */
const shortFile = (found: number, expected: number): Error =>
  Object.assign(new Error(`${found} of ${expected} bytes were written`), { code: "ENOSPC" });

/** Makes a folder, and with `deep` those above it. Returns those that were not there. */
async function makeFolders(folder: string, deep: boolean): Promise<readonly string[]> {
  if (!deep) {
    return mkdir(folder).then(
      () => [folder],
      (error: NodeJS.ErrnoException) => {
        if (error.code === "EEXIST") return [];
        throw error;
      },
    );
  }
  const first = await mkdir(folder, { recursive: true });
  return first === undefined ? [] : foldersUpTo(first, folder);
}

/** The folders from `first`, which was made, down to the last: the deepest first. */
function foldersUpTo(first: string, last: string): string[] {
  const folders: string[] = [];
  for (let folder = resolve(last); folder.length >= resolve(first).length; folder = dirname(folder)) {
    folders.push(folder);
  }
  return folders;
}

/** Folders that got other content in the meantime stay. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => {});
}
