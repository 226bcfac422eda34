/** @file CIFAR-100 in each of its owners' forms, whole and broken. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CIFAR_RECORD_BYTES } from "../../../src/data/cifar.ts";
import { cifar100 } from "../../../src/node/benchmarks/cifar100.ts";
import { cifarMetaFile, cifarPickleFile, global, pickled } from "../../data/pickles.ts";
import { type ArchiveFile, tarOf } from "../archives/archives.ts";
import { data } from "./check-command.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-cifar-"));
});
afterEach(() => rm(root, { recursive: true }));

const NAMES = ["apple", "bear"];
const LABELS = { train: [0, 1, 0], test: [1, 0] };
/** Planes of all images of a part: no two have the same. */
const planesOf = (part: "train" | "test"): Uint8Array =>
  Uint8Array.from({ length: LABELS[part].length * 3072 }, (_, at) => (at * 7 + (at >> 10)) ^ part.length);
function binaryFile(part: "train" | "test"): Buffer {
  const planes = planesOf(part);
  return Buffer.concat(
    LABELS[part].flatMap((label, image) => [
      Buffer.from([0, label]),
      planes.subarray(image * 3072, (image + 1) * 3072),
    ]),
  );
}
const binary: Readonly<Record<string, Buffer>> = {
  "train.bin": binaryFile("train"),
  "test.bin": binaryFile("test"),
  "fine_label_names.txt": Buffer.from(`${NAMES.join("\n")}\n`),
};
const python: Readonly<Record<string, Buffer>> = {
  train: cifarPickleFile(LABELS.train, planesOf("train")),
  test: cifarPickleFile(LABELS.test, planesOf("test")),
  meta: cifarMetaFile(NAMES),
};
const entries = (stem: string, files: Readonly<Record<string, Buffer>>): ArchiveFile[] => [
  { path: `${stem}/`, type: "directory" },
  ...Object.entries(files).map(([name, bytes]) => ({ path: `${stem}/${name}`, bytes })),
];
async function writeAll(folder: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
}

describe("both versions hold the same images", () => {
  const forms: [string, () => Promise<void>][] = [
    ["the binary files", () => writeAll(root, binary)],
    ["the folder cifar-100-binary", () => writeAll(join(root, "cifar-100-binary"), binary)],
    ["the python files", () => writeAll(root, python)],
    ["the folder cifar-100-python", () => writeAll(join(root, "cifar-100-python"), python)],
    [
      "cifar-100-binary.tar.gz",
      async () =>
        writeAll(root, {
          "cifar-100-binary.tar.gz": gzipSync(await tarOf(entries("cifar-100-binary", binary))),
        }),
    ],
    [
      "cifar-100-python.tar.gz",
      async () =>
        writeAll(root, {
          "cifar-100-python.tar.gz": gzipSync(await tarOf(entries("cifar-100-python", python))),
        }),
    ],
    [
      "cifar-100-python.tar",
      async () =>
        writeAll(root, { "cifar-100-python.tar": await tarOf(entries("cifar-100-python", python)) }),
    ],
  ];
  test.each(forms)("%s", async (_, write) => {
    await write();
    const dataset = await cifar100.open({ data: root });
    expect([dataset.name, dataset.classNames]).toEqual(["cifar100", NAMES]);
    for (const part of ["train", "test"] as const) {
      expect(dataset[part].map(({ label }) => label)).toEqual(LABELS[part]);
      for (const [image, sample] of dataset[part].entries()) {
        const planes = planesOf(part).subarray(image * 3072);
        const rows = Uint8Array.from(
          { length: 3072 },
          (_, at) => planes[(at % 3) * 1024 + Math.floor(at / 3)]!,
        );
        expect(await dataset.read(sample)).toMatchObject({ width: 32, data: rows });
      }
    }
  });

  test("an archive given itself", async () => {
    const archive = join(root, "cifar-100-binary.tar.gz");
    await writeFile(archive, gzipSync(await tarOf(entries("cifar-100-binary", binary))));
    expect((await cifar100.open({ data: archive })).train).toHaveLength(3);
  });
});

describe("fmlora data check cifar100, on broken copies", () => {
  const check = async (): Promise<string> =>
    (await data("check", "cifar100", "--data", root)).replaceAll(root, "DIR");
  const packed = async (files: readonly ArchiveFile[]): Promise<void> =>
    writeFile(join(root, "cifar-100-python.tar.gz"), gzipSync(await tarOf(files)));

  test("a missing file, in a folder and in an archive", async () => {
    await writeAll(root, { "train.bin": binary["train.bin"]! });
    expect(await check()).toBe(
      "fmlora: DIR: test.bin and fine_label_names.txt missing; CIFAR-100 needs train.bin, test.bin, fine_label_names.txt together: unpack cifar-100-binary.tar.gz again [2]",
    );
    await rm(join(root, "train.bin"));
    await packed(entries("cifar-100-python", { train: python.train! }));
    expect(await check()).toBe(
      "fmlora: DIR/cifar-100-python.tar.gz: test and meta missing in it; expected cifar-100-python/ with train, test, meta [2]",
    );
  });

  test("records of another size, labels without a name, in both files", async () => {
    await writeAll(root, {
      ...binary,
      "train.bin": new Uint8Array(CIFAR_RECORD_BYTES - 1),
      "test.bin": Buffer.of(),
    });
    expect(await check()).toMatchInlineSnapshot(`
      "cifar100: can't be opened
        problem: train.bin: 3073 bytes are not a whole number of CIFAR-100 records of 3074 bytes; download or unpack the file again (the binary version)
        problem: test.bin: 0 bytes are not a whole number of CIFAR-100 records of 3074 bytes; download or unpack the file again (the binary version)
      fmlora: DIR: 2 problems; the first: train.bin: 3073 bytes are not a whole number of CIFAR-100 records of 3074 bytes; download or unpack the file again (the binary version) [2]"
    `);
    await writeAll(root, { ...binary, "fine_label_names.txt": Buffer.from("apple\n") });
    expect(await check()).toMatchInlineSnapshot(`
      "cifar100: can't be opened
        problem: train.bin: record 1 has label 1, but there are 1 class names; expected CIFAR-100's own files together: fetch them again
        problem: test.bin: record 0 has label 1, but there are 1 class names; expected CIFAR-100's own files together: fetch them again
      fmlora: DIR: 2 problems; the first: train.bin: record 1 has label 1, but there are 1 class names; expected CIFAR-100's own files together: fetch them again [2]"
    `);
  });

  test("a pickle that is cut off, and one that calls code", async () => {
    await writeAll(root, { ...python, train: python.train!.subarray(0, 5000) });
    expect(await check()).toMatchInlineSnapshot(
      `"fmlora: train: can't be read as a pickle of plain values (it ends too early, at byte 5000); get it from its official source [2]"`,
    );
    await writeAll(root, { ...python, meta: pickled(global("os", "system")) });
    expect(await check()).toMatchInlineSnapshot(
      `"fmlora: meta: can't be read as a pickle of plain values (it asks for os.system, which is refused); get it from its official source [2]"`,
    );
  });

  test("an archive that is cut off, leads out, or is a bomb", async () => {
    const whole = entries("cifar-100-python", python);
    await packed(whole);
    const bytes = gzipSync(await tarOf(whole));
    await writeFile(join(root, "cifar-100-python.tar.gz"), bytes.subarray(0, bytes.length >> 1));
    expect(await check()).toMatch(
      /^fmlora: DIR\/cifar-100-python.tar.gz: can't be read as an archive \(.*\); it may be cut off: fetch it again \[2\]$/,
    );
    await packed([...whole, { path: "/etc/evil" }]);
    expect(await check()).toMatch(/entry "\/etc\/evil" leads out of the archive; refused/);
    await packed([...whole, { path: "cifar-100-python/link", type: "symlink" }]);
    expect(await check()).toMatch(/entry "cifar-100-python\/link" is a symlink; refused/);
    await packed([{ path: "cifar-100-python/train", bytes: new Uint8Array(80 * 2 ** 20) }]);
    expect(await check()).toMatch(/unfolds to more than \d+ bytes from \d+; refused/);
  });

  test("training images for testing", async () => {
    await writeAll(root, { ...binary, "test.bin": binary["train.bin"]! });
    expect(await check()).toMatchInlineSnapshot(`
      "cifar100: 2 classes, 1 domain, 3 training and 3 test images
        4 of 6 images decoded (all with --decode)
        problem: 2 of 2 test images looked at are training images, byte by byte (the first: test.bin#0 is train.bin#0); take them out of one part, or fetch the data again
      fmlora: DIR: 1 problem; the first: 2 of 2 test images looked at are training images, byte by byte (the first: test.bin#0 is train.bin#0); take them out of one part, or fetch the data again [2]"
    `);
  });
});
