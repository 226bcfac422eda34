import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CIFAR_RECORD_BYTES,
  cifarClassNames,
  cifarDataset,
  cifarImage,
  cifarSamples,
} from "../../src/data/cifar.ts";
import { InputError } from "../../src/tensor/errors.ts";

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

describe("CIFAR-100's binary layout", () => {
  test("decodes what was encoded", () => {
    const record = fc.tuple(fc.nat(99), fc.uint8Array({ minLength: 3072, maxLength: 3072 }));
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 4 }), (records) => {
        const bytes = new Uint8Array(records.flatMap(([label, pixels]) => [...encode(label, pixels)]));
        const samples = cifarSamples({ name: "train.bin", bytes }, classNames);
        expect(samples.map(({ label }) => label)).toEqual(records.map(([label]) => label));
        for (const [index, [, pixels]] of records.entries()) {
          expect(samples[index]!.id).toBe(`train.bin#${index}`);
          expect(cifarImage(bytes, index)).toEqual({ kind: "rgb", width: 32, height: 32, data: pixels });
        }
      }),
      { numRuns: 10 },
    );
  });

  test("reads each image from its own file", async () => {
    const grey = (value: number): Uint8Array => encode(value, new Uint8Array(3072).fill(value));
    const dataset = cifarDataset(
      { name: "train.bin", bytes: grey(7) },
      { name: "test.bin", bytes: grey(9) },
      classNames,
    );
    expect(await dataset.read(dataset.train[0]!)).toMatchObject({ data: new Uint8Array(3072).fill(7) });
    expect(await dataset.read(dataset.test[0]!)).toMatchObject({ data: new Uint8Array(3072).fill(9) });
    await expect(dataset.read({ id: "test.bin#1", label: 0, domain: 0 })).rejects.toThrow(InputError);
  });

  test.each([0, 1, CIFAR_RECORD_BYTES - 1, CIFAR_RECORD_BYTES + 1])(
    "refuses a file of %d bytes",
    (length) => {
      const parse = () => cifarSamples({ name: "train.bin", bytes: new Uint8Array(length) }, classNames);
      expect(parse).toThrow(InputError);
      expect(parse).toThrow(
        `train.bin: ${length} bytes are not a whole number of CIFAR-100 records of 3074 bytes`,
      );
    },
  );

  test("refuses a label without a name", () => {
    const bytes = encode(100, new Uint8Array(3072));
    expect(() => cifarSamples({ name: "test.bin", bytes }, classNames)).toThrow(
      /record 0 has label 100.*100 class names/,
    );
  });

  test("reads class names, and refuses none or a repeated one", () => {
    expect(cifarClassNames("names.txt", "apple\r\nbear\n\n")).toEqual(["apple", "bear"]);
    expect(() => cifarClassNames("names.txt", "\n")).toThrow(/names.txt: found no name/);
    expect(() => cifarClassNames("names.txt", "apple\napple\n")).toThrow(/"apple" twice/);
  });
});
