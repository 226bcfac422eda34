/** @file train/ and test/, however they are written, told from classes of these names. */
import { isImageName } from "../../data/file-names.ts";
import { InputError } from "../../tensor/errors.ts";
import type { FileTree } from "../archives/file-tree.ts";

/** The folders with training and with test images, as they are called. */
export interface Parts {
  readonly train: string;
  readonly test: string;
}

/** The folder of that name among some, in capitals too: train, Train, TRAIN. The exact one goes first. */
export const folderNamed = (wanted: string, folders: readonly string[]): string | undefined =>
  folders.includes(wanted) ? wanted : folders.find((name) => name.toLowerCase() === wanted);

/** Whether train/ or test/ is among some folders. */
export const hasParts = (folders: readonly string[]): boolean =>
  ["train", "test"].some((part) => folderNamed(part, folders) !== undefined);

/**
 * The two parts at the top of a tree; null where there are none. A folder called train that has images and no folders,
 * with no test/ beside it, is a class.
 * @throws InputError if one part is there without the other, or twice
 */
export async function partsIn(tree: FileTree): Promise<Parts | null> {
  const { folders } = await tree.list("");
  const [train, test] = [folderNamed("train", folders), folderNamed("test", folders)];
  for (const part of ["train", "test"]) {
    const alike = folders.filter((name) => name.toLowerCase() === part);
    if (alike.length > 1) {
      throw new InputError(`${tree.place}: found ${alike.join("/ and ")}/; keep one of them`);
    }
  }
  if (train !== undefined && test !== undefined) return { train, test };
  const only = train ?? test;
  if (only === undefined) return null;
  const inside = await tree.list(only);
  if (inside.folders.length === 0 && inside.files.some(isImageName) && folders.length > 1) return null;
  const other = train === undefined ? "train" : "test";
  const similar = folders.find((name) => /^(val|valid|validation|eval)$/i.test(name));
  const advice = similar === undefined ? "" : ` (if ${similar}/ has the images for testing, call it test/)`;
  throw new InputError(
    `${tree.place}: found ${only}/ but no ${other}/; add it, or put the class folders in ${tree.place}${advice}`,
  );
}
