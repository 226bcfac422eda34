/** @file The official binary layout of CIFAR-100: one record an image, coarse label, fine label, three colour planes. */
import { InputError } from "../tensor/errors.ts";
import type { Dataset, Sample, StoredImage } from "./dataset.ts";

const SIDE = 32;
const PLANE = SIDE * SIDE;

/** Bytes of one record: two labels and 3 x 32 x 32 colour values. */
export const CIFAR_RECORD_BYTES = 2 + 3 * PLANE;

/** One of the binary files, with the name that messages use. */
export interface CifarFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The samples of one file, in file order; ids are "train.bin#17".
 * @throws InputError if the file is not a whole number of records or a label has no class name.
 */
export function cifarSamples(file: CifarFile, classNames: readonly string[]): Sample[] {
  const { name, bytes } = file;
  if (bytes.length === 0 || bytes.length % CIFAR_RECORD_BYTES !== 0) {
    throw new InputError(
      `${name}: ${bytes.length} bytes are not a whole number of CIFAR-100 records of ${CIFAR_RECORD_BYTES} bytes; ` +
        "download or unpack the file again (the binary version)",
    );
  }
  return Array.from({ length: bytes.length / CIFAR_RECORD_BYTES }, (_, record) => {
    const label = bytes[record * CIFAR_RECORD_BYTES + 1]!;
    if (label >= classNames.length) {
      throw new InputError(
        `${name}: record ${record} has label ${label}, but there are ${classNames.length} class names; ` +
          "expected CIFAR-100's own fine_label_names.txt beside it",
      );
    }
    return { id: `${name}#${record}`, label, domain: 0 };
  });
}

/** The image of one record, its colour planes interleaved. */
export function cifarImage(bytes: Uint8Array, record: number): StoredImage {
  const planes = bytes.subarray(record * CIFAR_RECORD_BYTES + 2, (record + 1) * CIFAR_RECORD_BYTES);
  const data = new Uint8Array(3 * PLANE); // [height, width, 3]
  for (let pixel = 0; pixel < PLANE; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      data[pixel * 3 + channel] = planes[channel * PLANE + pixel]!;
    }
  }
  return { kind: "rgb", width: SIDE, height: SIDE, data };
}

/**
 * The class names in a `fine_label_names.txt`: one a line, blank lines at the end ignored.
 * @throws InputError if there are none, or one is given twice.
 */
export function cifarClassNames(fileName: string, text: string): string[] {
  const names = text
    .trimEnd()
    .split(/\r?\n/)
    .map((line) => line.trim());
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (text.trim() === "" || repeated !== undefined) {
    const found = repeated === undefined ? "no name" : `"${repeated}" twice`;
    throw new InputError(`${fileName}: found ${found}; expected one class name a line, in label order`);
  }
  return names;
}

/** CIFAR-100 over bytes that are already in memory. */
export function cifarDataset(train: CifarFile, test: CifarFile, classNames: readonly string[]): Dataset {
  const files = new Map([train, test].map((file) => [file.name, file.bytes]));
  return {
    name: "cifar100",
    classNames,
    domainNames: ["photo"],
    train: cifarSamples(train, classNames),
    test: cifarSamples(test, classNames),
    async read(sample) {
      const separator = sample.id.lastIndexOf("#");
      const bytes = files.get(sample.id.slice(0, separator));
      const record = Number(sample.id.slice(separator + 1));
      if (bytes === undefined || !(record < bytes.length / CIFAR_RECORD_BYTES)) {
        throw new InputError(`${sample.id}: no such record in ${[...files.keys()].join(" or ")}`);
      }
      return cifarImage(bytes, record);
    },
  };
}
