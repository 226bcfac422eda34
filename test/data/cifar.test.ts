import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CIFAR_RECORD_BYTES,
  type CifarImages,
  cifarBinary,
  cifarClassNames,
  cifarDataset,
  cifarMetaNames,
  cifarPickle,
} from "../../src/data/cifar.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { binstring, cifarMetaFile, cifarPickleFile, dictionary, pickled, uint8Array } from "./pickles.ts";

const classNames = Array.from({ length: 100 }, (_, label) => `class ${label}`);

/** A record with interleaved pixels, written as the official files do. */
function encode(label: number, pixels: Uint8Array): Uint8Array {
  const record = new Uint8Array(CIFAR_RECORD_BYTES);
  record[0] = 19; // coarse label, not used
  record[1] = label;
  for (const [index, value] of pixels.entries()) {
    record[2 + (index % 3) * 1024 + Math.floor(index / 3)] = value;
  }
  return record;
}

/** The planes of an image, red first. */
const planesOf = (pixels: Uint8Array): Uint8Array => encode(0, pixels).subarray(2);

describe("CIFAR-100's own layouts", () => {
  const images = fc.array(fc.tuple(fc.nat(99), fc.uint8Array({ minLength: 3072, maxLength: 3072 })), {
    minLength: 1,
    maxLength: 4,
  });
  const versions: [string, (records: [number, Uint8Array][]) => CifarImages][] = [
    [
      "binary",
      (records) => {
        const bytes = Buffer.concat(records.map(([label, pixels]) => encode(label, pixels)));
        return cifarBinary({ name: "train.bin", bytes });
      },
    ],
    [
      "python",
      (records) => {
        const planes = Buffer.concat(records.map(([, pixels]) => planesOf(pixels)));
        const bytes = cifarPickleFile(
          records.map(([label]) => label),
          planes,
        );
        return cifarPickle({ name: "train.bin", bytes });
      },
    ],
  ];
  test.each(versions)("the %s version: reads what was written", async (_, version) => {
    await fc.assert(
      fc.asyncProperty(images, async (records) => {
        const other = cifarBinary({ name: "test.bin", bytes: encode(1, new Uint8Array(3072)) });
        const dataset = cifarDataset(version(records), other, classNames);
        expect(dataset.train.map(({ label }) => label)).toEqual(records.map(([label]) => label));
        for (const [index, [, pixels]] of records.entries()) {
          const sample = dataset.train[index]!;
          expect(sample.id).toBe(`train.bin#${index}`);
          expect(await dataset.read(sample)).toEqual({ kind: "rgb", width: 32, height: 32, data: pixels });
        }
      }),
      { numRuns: 10 },
    );
  });

  test("reads each image from its own file", async () => {
    const gray = (value: number): Uint8Array => encode(value, new Uint8Array(3072).fill(value));
    const dataset = cifarDataset(
      cifarBinary({ name: "train.bin", bytes: gray(7) }),
      cifarBinary({ name: "test.bin", bytes: gray(9) }),
      classNames,
    );
    expect(await dataset.read(dataset.train[0]!)).toMatchObject({ data: new Uint8Array(3072).fill(7) });
    expect(await dataset.read(dataset.test[0]!)).toMatchObject({ data: new Uint8Array(3072).fill(9) });
    await expect(dataset.read({ id: "test.bin#1", label: 0, domain: 0 })).rejects.toThrow(InputError);
  });

  test.each([0, 1, CIFAR_RECORD_BYTES - 1, CIFAR_RECORD_BYTES + 1])(
    "refuses a file of %d bytes",
    (length) => {
      const parse = () => cifarBinary({ name: "train.bin", bytes: new Uint8Array(length) });
      expect(parse).toThrow(InputError);
      expect(parse).toThrow(
        `train.bin: ${length} bytes are not a whole number of CIFAR-100 records of 3074 bytes`,
      );
    },
  );

  test("names every file with a label that has no name", () => {
    const file = (name: string) => cifarBinary({ name, bytes: encode(100, new Uint8Array(3072)) });
    expect(() => cifarDataset(file("train.bin"), file("test.bin"), classNames)).toThrow(
      /^train.bin: record 0 has label 100, but there are 100 class names; .* \(and 1 more problem: fmlora data check/,
    );
  });

  test.each<[string, Buffer, RegExp]>([
    [
      "another dictionary",
      pickled(dictionary({ labels: binstring("") })),
      /no array data and no list fine_labels/,
    ],
    ["no dictionary", pickled(binstring("")), /no array data and no list/],
    [
      "fewer labels than images",
      pickled(
        dictionary({ fine_labels: Buffer.from("]K\x05a"), data: uint8Array(2, 3072, new Uint8Array(6144)) }),
      ),
      /^train: data of shape \[2, 3072\] and 1 fine_labels; expected as many labels as rows of 3072/,
    ],
    [
      "rows of another length",
      pickled(
        dictionary({ fine_labels: Buffer.from("]K\x05a"), data: uint8Array(1, 12, new Uint8Array(12)) }),
      ),
      /data of shape \[1, 12\] and 1 fine_labels/,
    ],
  ])("the python version refuses %s", (_, bytes, message) => {
    expect(() => cifarPickle({ name: "train", bytes })).toThrow(message);
  });

  test("the python version's names", () => {
    expect(cifarMetaNames({ name: "meta", bytes: cifarMetaFile(["apple", "bear"]) })).toEqual([
      "apple",
      "bear",
    ]);
    expect(() => cifarMetaNames({ name: "meta", bytes: pickled(dictionary({})) })).toThrow(
      /meta: found no name/,
    );
  });

  test("reads class names, and refuses none or a repeated one", () => {
    expect(cifarClassNames("names.txt", "apple\r\nbear\n\n")).toEqual(["apple", "bear"]);
    expect(() => cifarClassNames("names.txt", "\n")).toThrow(/names.txt: found no name/);
    expect(() => cifarClassNames("names.txt", "apple\napple\n")).toThrow(/"apple" twice/);
  });
});

describe("names that are no texts", () => {
  const meta = (names: Buffer): Buffer => pickled(dictionary({ fine_label_names: names }));
  const list = (...items: readonly Buffer[]): Buffer =>
    Buffer.concat([Buffer.from("]("), ...items, Buffer.from("e")]);
  /** [x, x] of [y, y] of ...: 2^depth texts, were it turned into one. */
  const doubled = (depth: number): Buffer =>
    Buffer.concat(
      [Buffer.from("N")].concat(
        Array.from({ length: depth }, () => Buffer.from([0x71, 200, 0x68, 200, 0x86])),
      ),
    );
  /** ((((...)))), which a text of is as deep as the stack. */
  const nested = (depth: number): Buffer => Buffer.concat([Buffer.from("N"), Buffer.alloc(depth, 0x85)]);

  test.each([
    ["shared nested lists, which would unfold to 2^150 texts", list(doubled(150))],
    ["nested tuples, deeper than the stack", list(nested(100_000))],
    ["a number", Buffer.from([0x4b, 5])],
    ["a name of 2 kB", list(binstring("x".repeat(2048)))],
  ])("%s: refused", (_, names) => {
    const bytes = meta(names);
    expect(() => cifarMetaNames({ name: "meta", bytes })).toThrow(InputError);
    expect(() => cifarMetaNames({ name: "meta", bytes })).toThrow(
      /^meta: has no list of texts "fine_label_names"/,
    );
  });

  test("300,000 of them", () => {
    const text = Array.from({ length: 300_000 }, (_, label) => `class ${label}\n`).join("");
    expect(() => cifarClassNames("names.txt", text)).toThrow(
      /^names.txt: 300000 class names; CIFAR's labels/,
    );
  });
});
