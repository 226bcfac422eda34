/** @file The text files of CUB-200-2011's official archive. */
import { InputError } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./dataset.ts";

/** The four files that say what is what, in the order of their names below. */
export const CUB_LISTS = [
  "classes.txt",
  "images.txt",
  "image_class_labels.txt",
  "train_test_split.txt",
] as const;

const CLASSES = 200;

/**
 * Classes and the official split; ids are paths below images/.
 * @throws InputError that names the file and the line
 */
export function cubSplit(
  texts: Readonly<Record<(typeof CUB_LISTS)[number], string>>,
): Pick<Dataset, "classNames" | "train" | "test"> {
  const classes = numbered("classes.txt", texts["classes.txt"]);
  const images = numbered("images.txt", texts["images.txt"]);
  const labels = numbered("image_class_labels.txt", texts["image_class_labels.txt"]);
  const uses = numbered("train_test_split.txt", texts["train_test_split.txt"]);
  const classNumbers = [...classes.keys()];
  if (classNumbers.length !== CLASSES) {
    throw new InputError(
      `classes.txt: ${classNumbers.length} classes; CUB-200-2011 has ${CLASSES}: fetch it again`,
    );
  }
  const samples = { train: [] as Sample[], test: [] as Sample[] };
  for (const [number, { value: path, line }] of images) {
    const where = `images.txt line ${line}`;
    const folders = path.split(/[\\/]/);
    if (folders.length !== 2 || folders.includes("..") || folders.includes("")) {
      throw new InputError(`${where}: "${path}" is not of the form <class>/<file>; fetch the archive again`);
    }
    const wanted = labels.get(number);
    const use = uses.get(number);
    if (wanted === undefined || use === undefined) {
      const file = wanted === undefined ? "image_class_labels.txt" : "train_test_split.txt";
      throw new InputError(`${file}: image ${number} (${where}) is missing; fetch the archive again`);
    }
    const label = classNumbers.indexOf(wanted.value);
    if (label < 0) {
      throw new InputError(
        `image_class_labels.txt line ${wanted.line}: class "${wanted.value}" is not in classes.txt; fetch the archive again`,
      );
    }
    if (classes.get(wanted.value)!.value !== folders[0]) {
      throw new InputError(
        `image_class_labels.txt line ${wanted.line}: image ${number} has class "${classes.get(wanted.value)!.value}", but its path is "${path}"; fetch the archive again`,
      );
    }
    if (use.value !== "0" && use.value !== "1") {
      throw new InputError(
        `train_test_split.txt line ${use.line}: "${use.value}"; expected 1 (train) or 0 (test)`,
      );
    }
    samples[use.value === "1" ? "train" : "test"].push({ id: path, label, domain: 0 });
  }
  return { classNames: classNumbers.map((number) => classes.get(number)!.value), ...samples };
}

/** Lines "number value" by their number, in the order of the file. */
function numbered(
  file: string,
  text: string,
): Map<string, { readonly value: string; readonly line: number }> {
  const rows = new Map<string, { readonly value: string; readonly line: number }>();
  for (const [index, raw] of text.split("\n").entries()) {
    const row = raw.trim();
    if (row === "") continue;
    const found = /^(\d+)\s+(\S.*)$/.exec(row);
    if (found === null) {
      throw new InputError(`${file} line ${index + 1}: "${row}"; expected a number and a value`);
    }
    if (rows.has(found[1]!)) {
      throw new InputError(
        `${file} line ${index + 1}: number ${found[1]} comes twice; fetch the archive again`,
      );
    }
    rows.set(found[1]!, { value: found[2]!, line: index + 1 });
  }
  if (rows.size === 0) throw new InputError(`${file}: it is empty; fetch the archive again`);
  return rows;
}
