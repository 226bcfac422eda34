/** @file A folder of class folders, as a learner takes it: the paths of every class's images. */
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../../tensor/errors.ts";

const IMAGE_NAME = /\.(jpe?g|png|webp|gif)$/i;

/**
 * The images in FOLDER/<class>/ and below, by class, each in the order of names. Hidden files are passed over.
 * @throws InputError if there is no class folder, or one has no images
 */
export async function classFolders(folder: string): Promise<Record<string, string[]>> {
  const top = await entriesOf(folder);
  const classes = top.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  if (classes.length === 0) {
    const images = top.some(({ name }) => IMAGE_NAME.test(name));
    throw new InputError(
      images
        ? `${folder}: found images but no class folders; expected one folder a class: give the folder above it, if this is one class`
        : `${folder}: found no class folders; expected one folder a class, with images in it`,
    );
  }
  const found: Record<string, string[]> = {};
  for (const name of classes) {
    const images = await imagesBelow(join(folder, name));
    if (images.length === 0) {
      throw new InputError(
        `${join(folder, name)}: no JPEG, PNG, WebP or GIF image for this class; add some or remove the folder`,
      );
    }
    found[name] = images;
  }
  return found;
}

async function imagesBelow(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await imagesBelow(path)));
    else if (IMAGE_NAME.test(entry.name)) found.push(path);
  }
  return found;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const shown = entries.filter(({ name }) => !name.startsWith("."));
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "no such folder",
      ENOTDIR: "is no folder",
      EACCES: "no permission to read it",
    };
    throw new InputError(`${folder}: ${reasons[code ?? ""] ?? message}; expected one folder a class in it`, {
      cause: error,
    });
  }
}
