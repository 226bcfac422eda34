import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { domainIncremental } from "../../../src/data/stream.ts";
import { openDomainLists } from "../../../src/node/benchmarks/domain-lists.ts";
import { InputError } from "../../../src/tensor/errors.ts";
import { type ArchiveFile, tarOf, type ZipFile, zipOf } from "../archives/archives.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-lists-"));
});
afterEach(() => rm(root, { recursive: true }));

const write = async (path: string, content: string | Uint8Array): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const content = (path: string): Buffer => Buffer.from(`image ${path}`);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

/** Two domains of two classes: one image of each for training, one for testing. */
const TOY = { name: "toy", domainNames: ["ink", "oil"], classes: 2 };
const LINES = {
  ink_train: ["ink/cat/1.jpg 0", "ink/dog/1.jpg 1"],
  ink_test: ["ink/cat/2.jpg 0", "ink/dog/2.jpg 1"],
  oil_train: ["oil/cat/1.jpg 0", "oil/dog/1.jpg 1"],
  oil_test: ["oil/cat/2.jpg 0", "oil/dog/2.jpg 1"],
};
const pathsOf = (domain: string): string[] =>
  ["cat/1", "cat/2", "dog/1", "dog/2"].map((path) => `${domain}/${path}.jpg`);
const archived = (domain: string): ArchiveFile[] =>
  pathsOf(domain).map((path) => ({ path, bytes: content(path) }));

async function lists(changed: Partial<typeof LINES> = {}): Promise<void> {
  for (const [name, lines] of Object.entries({ ...LINES, ...changed })) {
    await write(`${name}.txt`, `${lines.join("\n")}\n`);
  }
}
async function refused(message: string | RegExp): Promise<void> {
  const error = await openDomainLists(root, TOY).then(
    () => new Error("opened"),
    (caught: Error) => caught,
  );
  expect(error.message).toMatch(message);
  expect(error).toBeInstanceOf(InputError);
  expect(error.message).not.toContain("\n");
}

describe("openDomainLists", () => {
  const layouts: [string, () => Promise<void>][] = [
    [
      "folders",
      async () => {
        for (const path of [...pathsOf("ink"), ...pathsOf("oil")]) await write(path, content(path));
      },
    ],
    ["toy.tar", async () => write("toy.tar", await tarOf([...archived("oil"), ...archived("ink")]))],
    [
      "a tar with ./ and folders in it",
      async () =>
        write(
          "toy.tar",
          await tarOf([
            { path: "./ink/", type: "directory" },
            ...[...archived("ink"), ...archived("oil")].map((file) => ({ ...file, path: `./${file.path}` })),
          ]),
        ),
    ],
    [
      "a zip a domain, deflated and stored",
      async () => {
        await write("ink.zip", zipOf([{ path: "ink/" }, ...archived("ink")]));
        await write("oil.zip", zipOf(archived("oil").map((file) => ({ ...file, stored: true }))));
      },
    ],
    [
      "a folder and a zip",
      async () => {
        for (const path of pathsOf("ink")) await write(path, content(path));
        await write("oil.zip", zipOf(archived("oil")));
      },
    ],
  ];
  test.each(layouts)("reads every image of %s, domains and labels as listed", async (_, prepare) => {
    await lists();
    await prepare();
    const dataset = await openDomainLists(root, TOY);
    expect([dataset.name, dataset.classNames, dataset.domainNames]).toEqual([
      "toy",
      ["cat", "dog"],
      ["ink", "oil"],
    ]);
    expect(dataset.train).toEqual([
      { id: "ink/cat/1.jpg", label: 0, domain: 0 },
      { id: "ink/dog/1.jpg", label: 1, domain: 0 },
      { id: "oil/cat/1.jpg", label: 0, domain: 1 },
      { id: "oil/dog/1.jpg", label: 1, domain: 1 },
    ]);
    for (const sample of [...dataset.train, ...dataset.test]) {
      const image = await dataset.read(sample);
      expect(image.kind === "encoded" && text(image.bytes)).toBe(`image ${sample.id}`);
    }
    expect(domainIncremental(dataset).tasks.map(({ name }) => name)).toEqual(["ink", "oil"]);
  });

  test("takes labels from the numbers, whatever the order of the lines, and Windows line ends", async () => {
    await lists({ ink_train: ["\ufeffink/dog/1.jpg 1\r", "", "ink/cat/1.jpg\t0\r"] });
    await write("toy.tar", await tarOf([...archived("ink"), ...archived("oil")]));
    const dataset = await openDomainLists(root, TOY);
    expect(dataset.classNames).toEqual(["cat", "dog"]);
    expect(dataset.train.slice(0, 2).map(({ label }) => label)).toEqual([1, 0]);
  });
});

describe("a broken copy is refused with what, where and what to do:", () => {
  beforeEach(async () => {
    await lists();
    await write("toy.tar", await tarOf([...archived("ink"), ...archived("oil")]));
  });

  test("no folder, no lists", async () => {
    await expect(openDomainLists(join(root, "nowhere"), TOY)).rejects.toThrow(/nowhere: no such folder; toy/);
    await rm(join(root, "oil_test.txt"));
    await refused(/oil_test\.txt missing; toy needs a folder with <domain>_train.txt/);
  });

  test.each<[string, Partial<typeof LINES>, RegExp]>([
    ["no label", { ink_train: ["ink/cat/1.jpg"] }, /^ink_train.txt line 1: "ink\/cat\/1.jpg" has no label/],
    ["an empty list", { oil_test: [] }, /^oil_test.txt: no image is listed/],
    [
      "traversal",
      { ink_test: ["ink/../../x.jpg 0"] },
      /^ink_test.txt line 1: .* leads out of the data folder/,
    ],
    ["an absolute path", { ink_test: ["/etc/cat/x.jpg 0"] }, /line 1: "\/etc\/cat\/x.jpg" leads out/],
    ["a drive", { ink_test: ["C:/cat/x.jpg 0"] }, /line 1: "C:\/cat\/x.jpg" leads out/],
    ["another domain", { ink_test: ["oil/cat/2.jpg 0"] }, /line 1: .* not of the form ink\/<class>\/<file>/],
    [
      "a label with two classes",
      { ink_test: ["ink/dog/2.jpg 0"] },
      /^ink_test.txt line 1: class "dog" has label 0, but ink_train.txt line 1 has "cat" under it/,
    ],
    [
      "a class with two labels",
      { oil_train: ["oil/cat/1.jpg 2"] },
      /^oil_train.txt line 1: class "cat" has label 2, but ink_train.txt line 1 gives "cat" label 0/,
    ],
    [
      "an image for training and testing",
      { oil_test: ["oil/cat/2.jpg 0", "oil/dog/1.jpg 1"] },
      /^oil_test.txt line 2: oil\/dog\/1.jpg is also in oil_train.txt; list each image once/,
    ],
    [
      "too many classes",
      { oil_test: ["oil/cow/1.jpg 2"] },
      /3 classes are listed; expected 2 classes with the labels 0 to 1 \(and 1 more problem: fmlora data check/,
    ],
    [
      "a gap in the labels",
      {
        ink_train: ["ink/cat/1.jpg 0", "ink/dog/1.jpg 2"],
        ink_test: ["ink/dog/2.jpg 2"],
        oil_train: ["oil/dog/1.jpg 2"],
        oil_test: ["oil/dog/2.jpg 2"],
      },
      /no image has label 1/,
    ],
    [
      "an image that isn't there",
      { oil_train: ["oil/cat/1.jpg 0", "oil/cat/9.jpg 0", "oil/dog/8.jpg 1"] },
      /^oil_train.txt line 2: oil\/cat\/9.jpg is not in .*toy.tar \(and 1 more of this list\); add/,
    ],
  ])("%s", async (_, changed, message) => {
    await lists(changed);
    await refused(message);
  });

  test("an unpacked folder without an image, and no images at all", async () => {
    for (const path of pathsOf("oil").slice(1)) await write(path, content(path));
    await refused(/^oil_train.txt line 1: oil\/cat\/1.jpg is not in .*fm-lora-lists-\w+; add/);
    await rm(join(root, "oil"), { recursive: true });
    await rm(join(root, "toy.tar"));
    await refused(
      /no images of domain ink; expected ink\/ or an archive ink or toy \(.tar, .zip or .tgz\) \(and 1 more/,
    );
  });

  test.each<[string, ArchiveFile, RegExp]>([
    ["traversal", { path: "ink/../../evil.jpg" }, /toy.tar: entry "ink\/..\/..\/evil.jpg" leads out/],
    ["an absolute name", { path: "/etc/evil" }, /toy.tar: entry "\/etc\/evil" leads out of the archive/],
    ["a symbolic link", { path: "ink/l.jpg", type: "symlink" }, /entry "ink\/l.jpg" is a symlink; refused/],
    ["a hard link", { path: "ink/l.jpg", type: "link" }, /entry "ink\/l.jpg" is a link; refused/],
    ["a pipe", { path: "ink/p", type: "fifo" }, /entry "ink\/p" is a fifo; refused/],
  ])("a tar with %s", async (_, entry, message) => {
    await write("toy.tar", await tarOf([...archived("ink"), ...archived("oil"), entry]));
    await refused(message);
  });

  test.each<[string, ZipFile, RegExp]>([
    ["traversal", { path: "ink/../../evil.jpg" }, /ink.zip: entry "ink\/..\/..\/evil.jpg" leads out/],
    ["an absolute name", { path: "/etc/evil" }, /ink.zip: entry "\/etc\/evil" leads out/],
    ["a symbolic link", { path: "ink/l.jpg", type: "symlink" }, /entry "ink\/l.jpg" is a symlink; refused/],
    [
      "encryption",
      { path: "ink/e.jpg", encrypted: true },
      /entry "ink\/e.jpg" is a file with a password; refused/,
    ],
    ["another compression", { path: "ink/e.jpg", method: 14 }, /compressed by method 14; refused/],
  ])("a zip with %s", async (_, entry, message) => {
    await write("ink.zip", zipOf([...archived("ink"), entry]));
    await refused(message);
  });

  test("archives that are cut off or something else", async () => {
    const whole = await readFile(join(root, "toy.tar"));
    for (const length of [700, whole.length - 1600]) {
      await truncate(join(root, "toy.tar"), length);
      await refused(/toy.tar: can't be read as an archive \(.*\); it may be cut off: fetch it again/);
    }
    await write("toy.tar", "this is no tar".repeat(100));
    await refused(/toy.tar: can't be read as an archive/);
    await write("ink.zip", zipOf(archived("ink")).subarray(0, 200));
    await refused(/ink.zip: can't be read as an archive/);
  });

  test("a zip entry that unfolds to more than it says, or claims more than an image has", async () => {
    const [first, ...others] = archived("ink");
    const bomb = new Uint8Array(1_000_000);
    await write("ink.zip", zipOf([{ ...first!, bytes: bomb, size: 10 }, ...others]));
    const dataset = await openDomainLists(root, TOY);
    await expect(dataset.read(dataset.train[0]!)).rejects.toThrow(
      /^ink\/cat\/1.jpg: can't be read from .*ink.zip \(too many bytes/,
    );
    await write("ink.zip", zipOf([{ ...first!, size: 2 ** 31 }, ...others]));
    const second = await openDomainLists(root, TOY);
    await expect(second.read(second.train[0]!)).rejects.toThrow(
      /^ink\/cat\/1.jpg: 2147483648 bytes in ink.zip; expected an image of 67108864 bytes at most/,
    );
  });

  test("an archive that shrinks or goes away after it was opened", async () => {
    const dataset = await openDomainLists(root, TOY);
    await truncate(join(root, "toy.tar"), 600);
    await expect(dataset.read(dataset.test[3]!)).rejects.toThrow(
      /^oil\/dog\/2.jpg: can't be read from .*toy.tar \(the archive ends before the image does\)/,
    );
    await rm(join(root, "toy.tar"));
    await expect(dataset.read(dataset.test[3]!)).rejects.toThrow(InputError);
    await write("toy.zip", zipOf([...archived("ink"), ...archived("oil")]));
    const zipped = await openDomainLists(root, TOY);
    for (const length of [100, 10, 0]) {
      await truncate(join(root, "toy.zip"), length);
      await expect(zipped.read(zipped.test[3]!)).rejects.toThrow(
        /^oil\/dog\/2.jpg: can't be read from .*toy.zip/,
      );
    }
  });
});
