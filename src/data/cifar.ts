/** @file CIFAR-100 as its owners publish it: binary records, or pickles of Python. */
import { InputError } from "../tensor/errors.ts";
import type { Dataset, Sample, StoredImage } from "./dataset.ts";
import { type Pickled, pickledTexts, unpickle } from "./pickle.ts";
import { Findings } from "./problems.ts";

const SIDE = 32;
const PLANE = SIDE * SIDE;

/** Labels are bytes. */
const MOST_NAMES = 256;

/** Bytes of one record: two labels and 3 x 32 x 32 color values. */
export const CIFAR_RECORD_BYTES = 2 + 3 * PLANE;

/** One of the files, with the name that messages use. */
export interface CifarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The images of one file. */
export interface CifarImages {
  readonly name: string;
  /** Fine labels, one an image. */
  readonly labels: ArrayLike<number>;
  /** Red, green and blue of one image, row by row. */
  planes(record: number): Uint8Array; // [3, 32, 32]
}

/**
 * The binary version: a record an image, coarse label, fine label, three color planes.
 * @throws InputError if the file is not a whole number of records.
 */
export function cifarBinary({ name, bytes }: CifarFile): CifarImages {
  if (bytes.length === 0 || bytes.length % CIFAR_RECORD_BYTES !== 0) {
    throw new InputError(
      `${name}: ${bytes.length} bytes are not a whole number of CIFAR-100 records of ${CIFAR_RECORD_BYTES} bytes; ` +
        "download or unpack the file again (the binary version)",
    );
  }
  const labels = new Uint8Array(bytes.length / CIFAR_RECORD_BYTES);
  for (const record of labels.keys()) labels[record] = bytes[record * CIFAR_RECORD_BYTES + 1]!;
  return {
    name,
    labels,
    planes: (record) => bytes.subarray(record * CIFAR_RECORD_BYTES + 2, (record + 1) * CIFAR_RECORD_BYTES),
  };
}

/**
 * The python version: a pickled dictionary with `data`, an array [images, 3072] of uint8, and `fine_labels`.
 * @throws InputError if the pickle is damaged, refused, or another one.
 */
export function cifarPickle({ name, bytes }: CifarFile): CifarImages {
  const content = unpickle(name, bytes);
  const data = entry(content, "data");
  const labels = entry(content, "fine_labels");
  const images = typeof data === "object" && data !== null && "shape" in data ? data : undefined;
  const whole =
    Array.isArray(labels) && labels.every((label) => typeof label === "number") && labels.length > 0;
  if (images === undefined || !whole || images.shape.join() !== [labels.length, 3 * PLANE].join()) {
    const found = images === undefined ? "no array data" : `data of shape [${images.shape.join(", ")}]`;
    const count = Array.isArray(labels) ? `${labels.length} fine_labels` : "no list fine_labels";
    throw new InputError(
      `${name}: ${found} and ${count}; expected as many labels as rows of ${3 * PLANE} (CIFAR-100's python version); fetch it again`,
    );
  }
  return {
    name,
    labels: labels as readonly number[],
    planes: (record) => images.data.subarray(record * 3 * PLANE, (record + 1) * 3 * PLANE),
  };
}

/** The class names in the python version's `meta`. @throws InputError if they are not there */
export function cifarMetaNames({ name, bytes }: CifarFile): string[] {
  const found = entry(unpickle(name, bytes), "fine_label_names");
  const names = found === undefined ? [] : pickledTexts(found);
  if (names === undefined) {
    throw new InputError(
      `${name}: has no list of texts "fine_label_names"; expected CIFAR-100's own file: fetch it again`,
    );
  }
  return checkedNames(name, names);
}

function entry(content: Pickled, key: string): Pickled | undefined {
  return content instanceof Map ? (content.get(key) as Pickled | undefined) : undefined;
}

/**
 * The class names in a `fine_label_names.txt`: one a line, blank lines at the end ignored.
 * @throws InputError if there are none, or one is given twice.
 */
export function cifarClassNames(fileName: string, text: string): string[] {
  const lines = text.trimEnd().split(/\r?\n/);
  return checkedNames(fileName, text.trim() === "" ? [] : lines);
}

function checkedNames(fileName: string, lines: readonly string[]): string[] {
  if (lines.length > MOST_NAMES) {
    throw new InputError(
      `${fileName}: ${lines.length} class names; CIFAR's labels are bytes, expected ${MOST_NAMES} names at most`,
    );
  }
  const names = lines.map((line) => line.trim());
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (names.length === 0 || repeated !== undefined) {
    const found = repeated === undefined ? "no name" : `"${repeated}" twice`;
    throw new InputError(`${fileName}: found ${found}; expected one class name a line, in label order`);
  }
  return names;
}

/**
 * CIFAR-100 over bytes that are already in memory; ids are "train.bin#17", in file order.
 * @throws DataProblemsError if a label has no class name.
 */
export function cifarDataset(train: CifarImages, test: CifarImages, classNames: readonly string[]): Dataset {
  const files = new Map([train, test].map((file) => [file.name, file]));
  const findings = new Findings();
  const split = {
    train: samplesOf(train, classNames.length, findings),
    test: samplesOf(test, classNames.length, findings),
  };
  findings.stop();
  return {
    name: "cifar100",
    classNames,
    domainNames: ["photo"],
    ...split,
    async read(sample) {
      const separator = sample.id.lastIndexOf("#");
      const file = files.get(sample.id.slice(0, separator));
      const record = Number(sample.id.slice(separator + 1));
      if (file === undefined || !(record < file.labels.length)) {
        throw new InputError(`${sample.id}: no such record in ${[...files.keys()].join(" or ")}`);
      }
      return interleaved(file.planes(record));
    },
  };
}

function samplesOf({ name, labels }: CifarImages, classes: number, findings: Findings): Sample[] {
  const all = Array.from(labels, (label, record): Sample => ({ id: `${name}#${record}`, label, domain: 0 }));
  const wrong = all.findIndex(({ label }) => !(label >= 0 && label < classes));
  if (wrong >= 0) {
    findings.add(
      `${name}: record ${wrong} has label ${all[wrong]!.label}, but there are ${classes} class names; ` +
        "expected CIFAR-100's own files together: fetch them again",
    );
  }
  return all;
}

/** Color planes as rows of RGB. planes: [3, 32, 32] */
function interleaved(planes: Uint8Array): StoredImage {
  const data = new Uint8Array(3 * PLANE); // [height, width, 3]
  for (let pixel = 0; pixel < PLANE; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      data[pixel * 3 + channel] = planes[channel * PLANE + pixel]!;
    }
  }
  return { kind: "rgb", width: SIDE, height: SIDE, data };
}
