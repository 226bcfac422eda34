/** @file Where CIFAR-100's own files are: in a folder, or in the tar they come in, read into memory once. */
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, posix } from "node:path";
import {
  type CifarFile,
  cifarBinary,
  cifarClassNames,
  cifarDataset,
  cifarMetaNames,
  cifarPickle,
} from "../../data/cifar.ts";
import type { Dataset } from "../../data/dataset.ts";
import { Findings } from "../../data/problems.ts";
import { InputError } from "../../tensor/errors.ts";
import { brokenArchive } from "../archives/archive.ts";
import { gunzipped, isCompressedTar } from "../archives/gzip.ts";
import { refuseLfsPointer } from "../archives/places.ts";
import { eachTarFile } from "../archives/tar-files.ts";
import { readWhole, requireRegular } from "../files/read.ts";

/** One of the two versions: its files for training, testing and names. */
interface Version {
  /** What the official archive is called, and unpacks to. */
  readonly stem: string;
  readonly files: readonly [train: string, test: string, names: string];
  readonly images: typeof cifarBinary;
  readonly names: (file: CifarFile) => string[];
}

const VERSIONS: readonly Version[] = [
  {
    stem: "cifar-100-binary",
    files: ["train.bin", "test.bin", "fine_label_names.txt"],
    images: cifarBinary,
    names: ({ name, bytes }) => cifarClassNames(name, new TextDecoder().decode(bytes)),
  },
  {
    stem: "cifar-100-python",
    files: ["train", "test", "meta"],
    images: cifarPickle,
    names: cifarMetaNames,
  },
];

/** What `openCifar` looks for, in words. */
export const CIFAR_NEEDS = VERSIONS.map(
  ({ stem, files }) => `${stem}.tar.gz or its files (${files.join(", ")})`,
).join(", or ");

const ENDINGS = [".tar.gz", ".tgz", ".tar"];
/** Above the 155 MB that the largest file has. */
const LARGEST_FILE = 512 * 2 ** 20;

/**
 * CIFAR-100 from the official files or archives in a folder, from a folder `cifar-100-...` in it, or from an archive.
 * @returns undefined if none of them is there
 * @throws DataProblemsError if files are missing or damaged
 */
export async function openCifar(given: string): Promise<Dataset | undefined> {
  for (const version of VERSIONS) {
    for (const root of [given, join(given, version.stem)]) {
      const present = await filesIn(root);
      const missing = version.files.filter((name) => !present.includes(name));
      if (missing.length === 0) {
        return opened(version, (name) => wholeFile(join(root, name)));
      }
      if (missing.length < version.files.length) {
        throw new InputError(
          `${root}: ${missing.join(" and ")} missing; CIFAR-100 needs ${version.files.join(", ")} together: unpack ${version.stem}.tar.gz again`,
        );
      }
    }
    const archive = await archiveOf(given, version);
    if (archive !== undefined) {
      const contents = await readArchive(archive, version);
      return opened(version, async (name) => contents.get(name)!);
    }
  }
  return undefined;
}

async function opened(version: Version, read: (name: string) => Promise<Uint8Array>): Promise<Dataset> {
  const findings = new Findings();
  const [train, test, names] = version.files;
  const file = async (name: string): Promise<CifarFile> => ({ name, bytes: await read(name) });
  const trainImages = await findings.ofAsync(async () => version.images(await file(train)));
  const testImages = await findings.ofAsync(async () => version.images(await file(test)));
  const classNames = await findings.ofAsync(async () => version.names(await file(names)));
  findings.stop();
  return cifarDataset(trainImages!, testImages!, classNames!);
}

/** @throws InputError if it is no file, or larger than any of CIFAR-100's */
async function wholeFile(path: string): Promise<Uint8Array> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true || found.size > LARGEST_FILE) {
    const what = found?.isFile() === true ? `has ${found.size} bytes` : "is no file";
    throw new InputError(
      `${path}: ${what}; expected a file of ${LARGEST_FILE} bytes at most: fetch it again`,
    );
  }
  await refuseLfsPointer(path);
  return readWhole(path, LARGEST_FILE);
}

/** Names of the files, not folders: `train` may be either. */
async function filesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
}

async function archiveOf(given: string, { stem }: Version): Promise<string | undefined> {
  const names = ENDINGS.map((ending) => stem + ending);
  if ((await stat(given).catch(() => undefined))?.isFile()) {
    return names.includes(basename(given)) ? given : undefined;
  }
  const present = await filesIn(given);
  const found = names.find((name) => present.includes(name));
  return found === undefined ? undefined : join(given, found);
}

/** The files of a version, by name. @throws InputError if the archive is damaged, or one is missing or too large */
async function readArchive(
  archive: string,
  { stem, files }: Version,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  try {
    await requireRegular(archive);
    await refuseLfsPointer(archive);
    const bytes = isCompressedTar(archive) ? await gunzipped(archive) : createReadStream(archive);
    await eachTarFile(archive, bytes, async ({ path, size, content }) => {
      const name = posix.basename(path);
      if (!files.includes(name) || path.split("/").length > 2) return;
      if (size > LARGEST_FILE)
        throw new InputError(`${archive}: ${path} has ${size} bytes; refused: fetch it again`);
      const whole = new Uint8Array(size);
      let filled = 0;
      for await (const chunk of content) {
        whole.set(chunk, filled);
        filled += chunk.length;
      }
      contents.set(name, whole);
    });
  } catch (error) {
    throw brokenArchive(archive, error);
  }
  const missing = files.filter((name) => !contents.has(name));
  if (missing.length === 0) return contents;
  throw new InputError(
    `${archive}: ${missing.join(" and ")} missing in it; expected ${stem}/ with ${files.join(", ")}`,
  );
}
