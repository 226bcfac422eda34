/** @file From what the user gives as --data to a tree of files: a folder, an archive, or a folder with the archive. */
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { InputError } from "../../tensor/errors.ts";
import { isLfsPointer, LFS_POINTER } from "../../tensor/git-lfs.ts";
import { type FileTree, folderTree } from "./file-tree.ts";
import { compressedTarFiles, isCompressedTar } from "./gzip.ts";
import { tarFiles } from "./tar-files.ts";
import { zipFiles } from "./zip-files.ts";

/** Endings of archives, in the order in which they are looked for: read in place first. */
export const ARCHIVE_ENDINGS = [".tar", ".zip", ".tgz", ".tar.gz"] as const;

/** The archive `<stem>.tar`, `.zip`, `.tgz` or `.tar.gz` among some names. */
export function archiveNamed(stem: string, names: readonly string[]): string | undefined {
  return ARCHIVE_ENDINGS.map((ending) => stem + ending).find((name) => names.includes(name));
}

/** An archive as a tree; a compressed tar is unpacked beside itself first. @throws InputError */
export async function openArchive(archive: string): Promise<FileTree> {
  await refuseLfsPointer(archive);
  if (archive.endsWith(".zip")) return zipFiles(archive);
  if (archive.endsWith(".tar")) return tarFiles(archive);
  if (isCompressedTar(archive)) return compressedTarFiles(archive);
  throw new InputError(
    `${archive}: neither a folder nor an archive; expected a folder or a file *${ARCHIVE_ENDINGS.join(", *")}`,
  );
}

/** @throws InputError if Git LFS has left a pointer in the file's place */
export async function refuseLfsPointer(file: string): Promise<void> {
  const size = (await stat(file).catch(() => undefined))?.size ?? Number.POSITIVE_INFINITY;
  if (size < 1024 && isLfsPointer(await readFile(file), size)) {
    throw new InputError(`${file}: this is ${LFS_POINTER}`);
  }
}

/**
 * What the user gave: a folder, or an archive itself, or a folder in which one of the archives `stems` lies and none of
 * the folders `instead`.
 * @throws InputError if there is no such folder, or the archive is damaged.
 */
export async function openPlace(
  given: string,
  stems: readonly string[] = [],
  instead: readonly string[] = [],
): Promise<FileTree> {
  const found = await stat(given).catch(() => undefined);
  if (found?.isFile()) return openArchive(given);
  const tree = folderTree(given);
  const { folders, files } = await tree.list("");
  const present = folders.map((name) => name.toLowerCase());
  if (instead.some((name) => present.includes(name.toLowerCase()))) return tree;
  const archive = stems.map((stem) => archiveNamed(stem, files)).find((name) => name !== undefined);
  return archive === undefined ? tree : openArchive(join(given, archive));
}

/** "imagenet-r" of "/data/imagenet-r.tar" and of "/data/imagenet-r". */
export const stemOf = (path: string): string =>
  basename(path).replace(new RegExp(`(${ARCHIVE_ENDINGS.join("|").replaceAll(".", "\\.")})$`), "");
