/** @file The text files of CUB-200-2011's official archive. */
import { InputError } from "../tensor/errors.ts";
import type { Dataset, Sample } from "./dataset.ts";
import { withSlashes } from "./file-names.ts";
import { Findings } from "./problems.ts";

/** The four files that say what is what, in the order of their names below. */
export const CUB_LISTS = [
  "classes.txt",
  "images.txt",
  "image_class_labels.txt",
  "train_test_split.txt",
] as const;

const CLASSES = 200;

type Texts = Readonly<Record<(typeof CUB_LISTS)[number], string>>;
type Rows = ReadonlyMap<string, { readonly value: string; readonly line: number }>;

/**
 * Classes and the official split; ids are paths below images/.
 * @throws DataProblemsError that name the files and the lines
 */
export function cubSplit(texts: Texts): Pick<Dataset, "classNames" | "train" | "test"> {
  const findings = new Findings();
  const [classes, images, labels, uses] = CUB_LISTS.map((name) => numbered(name, texts[name], findings));
  if (classes!.size !== CLASSES) {
    findings.add(`classes.txt: ${classes!.size} classes; CUB-200-2011 has ${CLASSES}: fetch it again`);
  }
  // Wrong lines would show a second time as missing numbers.
  findings.stop();
  const numbers = [...classes!.keys()];
  const samples = { train: [] as Sample[], test: [] as Sample[] };
  for (const [number, { value, line }] of images!) {
    const path = withSlashes(value);
    const where = `images.txt line ${line}`;
    const read = findings.of(() => ({
      label: numbers.indexOf(labelOf(number, path, where, labels!, classes!)),
      part: partOf(number, where, uses!),
    }));
    if (read !== undefined) samples[read.part].push({ id: path, label: read.label, domain: 0 });
  }
  findings.stop();
  return { classNames: [...classes!.values()].map(({ value }) => value), ...samples };
}

/** The number of an image's class. */
function labelOf(number: string, path: string, where: string, labels: Rows, classes: Rows): string {
  const folders = path.split("/");
  if (folders.length !== 2 || folders.includes("..") || folders.includes("")) {
    throw new InputError(`${where}: "${path}" is not of the form <class>/<file>; fetch the archive again`);
  }
  const { value, line } = rowOf("image_class_labels.txt", number, where, labels);
  const name = classes.get(value)?.value;
  if (name === undefined) {
    throw new InputError(
      `image_class_labels.txt line ${line}: class "${value}" is not in classes.txt; fetch the archive again`,
    );
  }
  if (name.normalize("NFC") !== folders[0]!.normalize("NFC")) {
    throw new InputError(
      `image_class_labels.txt line ${line}: image ${number} has class "${name}", but its path is "${path}"; fetch the archive again`,
    );
  }
  return value;
}

function partOf(number: string, where: string, uses: Rows): "train" | "test" {
  const { value, line } = rowOf("train_test_split.txt", number, where, uses);
  if (value === "1") return "train";
  if (value === "0") return "test";
  throw new InputError(`train_test_split.txt line ${line}: "${value}"; expected 1 (train) or 0 (test)`);
}

function rowOf(file: string, number: string, where: string, rows: Rows) {
  const row = rows.get(number);
  if (row !== undefined) return row;
  throw new InputError(`${file}: image ${number} (${where}) is missing; fetch the archive again`);
}

/** Lines "number value" by their number, in the order of the file. */
function numbered(file: string, text: string, findings: Findings): Rows {
  const rows = new Map<string, { readonly value: string; readonly line: number }>();
  let wrong = 0;
  for (const [index, raw] of text.split("\n").entries()) {
    const row = raw.trim();
    if (row === "") continue;
    const where = `${file} line ${index + 1}`;
    const found = /^(\d+)\s+(\S.*)$/.exec(row);
    if (found === null) findings.add(`${where}: "${row}"; expected a number and a value`);
    else if (rows.has(found[1]!)) {
      findings.add(`${where}: number ${found[1]} comes twice; fetch the archive again`);
    } else {
      rows.set(found[1]!, { value: found[2]!, line: index + 1 });
      continue;
    }
    wrong++;
  }
  if (rows.size === 0 && wrong === 0) findings.add(`${file}: it is empty; fetch the archive again`);
  return rows;
}
