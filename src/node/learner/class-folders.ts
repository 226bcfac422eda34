/** @file A folder of class folders, as a learner takes it: the paths of every class's images. */
import { join } from "node:path";
import { isImageName } from "../../data/file-names.ts";
import { InputError } from "../../tensor/errors.ts";
import { folderTree } from "../archives/file-tree.ts";
import { imagesBelow, Leftovers } from "../archives/image-walk.ts";

/** Who hears what was left out. */
export interface ClassFoldersOptions {
  /** Gets a line for every kind of file that is passed over: images in formats that are not read, dead links, ... */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * The images in FOLDER/<class>/ and below, by class, each in the order of names. Hidden files are passed over.
 * @throws InputError if there is no class folder, or one has no images
 */
export async function classFolders(
  folder: string,
  { onNotice }: ClassFoldersOptions = {},
): Promise<Record<string, string[]>> {
  const tree = folderTree(folder);
  const { folders, files, lost } = await tree.list("");
  if (folders.length === 0) {
    throw new InputError(
      files.some(isImageName)
        ? `${folder}: found images but no class folders; expected one folder a class: give the folder above it, if this is one class`
        : `${folder}: found no class folders; expected one folder a class, with images in it`,
    );
  }
  const leftovers = new Leftovers();
  for (const file of files) if (isImageName(file)) leftovers.add("outside", file);
  leftovers.addUnread("", files);
  for (const name of lost) leftovers.add("lost", name);
  const seen = new Set<string>();
  const found: [string, string[]][] = [];
  for (const name of folders) {
    const images = await imagesBelow(tree, name, leftovers, seen);
    if (images.length === 0) {
      const others = leftovers.notices.map((notice) => `; ${notice}`).join("");
      throw new InputError(
        `${join(folder, name)}: no JPEG, PNG, WebP or GIF image for this class; add some or remove the folder${others}`,
      );
    }
    found.push([name, images.map((path) => join(folder, path))]);
  }
  for (const notice of leftovers.notices) onNotice?.(notice);
  return Object.fromEntries(found);
}
