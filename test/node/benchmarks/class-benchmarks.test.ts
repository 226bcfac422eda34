import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { classIncremental } from "../../../src/data/stream.ts";
import { cub200 } from "../../../src/node/benchmarks/cub200.ts";
import { imagenetR } from "../../../src/node/benchmarks/imagenet-r.ts";
import type { Benchmark } from "../../../src/run/benchmark.ts";
import { refusalIn } from "../../support/refusal.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-classes-"));
});
afterEach(() => rm(root, { recursive: true }));

const write = async (path: string, content = ""): Promise<void> => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
};
const refusal = (opened: Promise<unknown>): Promise<string> => refusalIn(root, opened);
const numbers = Array.from({ length: 200 }, (_, index) => index);

describe("imagenet-r", () => {
  const wnids = numbers.map((number) => `n${String(1443537 + number * 7).padStart(8, "0")}`);
  const open = (options: Record<string, number> = {}) => imagenetR.open({ data: root, options });

  test("train/ and test/ of WNIDs, in ImageFolder's order and the published class order", async () => {
    for (const wnid of wnids) {
      for (const file of ["train/WNID/art_1.jpg", "train/WNID/toy_0.jpg", "test/WNID/art_0.jpg"]) {
        await write(`imagenet-r/${file.replace("WNID", wnid)}`);
      }
    }
    for (const data of [root, join(root, "imagenet-r")]) {
      const dataset = await imagenetR.open({ data });
      expect([dataset.name, dataset.classNames]).toEqual(["imagenet-r", wnids]);
      expect([dataset.train.length, dataset.test.length]).toEqual([400, 200]);
      expect(dataset.train.slice(0, 2).map(({ id }) => id)).toEqual([
        `train/${wnids[0]}/art_1.jpg`,
        `train/${wnids[0]}/toy_0.jpg`,
      ]);
      const { tasks, classNames } = classIncremental(dataset, { tasks: imagenetR.tasks });
      expect(tasks.map(({ classes }) => classes.length)).toEqual(new Array(10).fill(20));
      expect(classNames.slice(0, 3)).toEqual([168, 136, 51].map((label) => wnids[label]));
    }
    await rm(join(root, "imagenet-r/test", wnids[3]!), { recursive: true });
    expect(await refusal(open())).toBe(
      "DIR/imagenet-r/test: found 199 class folders; ImageNet-R has 200, named as n01443537: fetch it again, or use benchmark folder for a part of it (and 1 more problem: fmlora data check lists them)",
    );
    await rm(join(root, "imagenet-r/test"), { recursive: true });
    expect(await refusal(open())).toMatch(/^DIR\/imagenet-r: found train\/ but no test\//);
  });

  test("WNIDs alone: 80 to 20 by a seed of its own, under another name", async () => {
    for (const wnid of wnids) for (let image = 0; image < 5; image++) await write(`${wnid}/${image}.jpg`);
    await write("README.txt");
    const first = await open();
    expect(first.name).toBe("imagenet-r (80 to 20 by seed 1993)");
    expect([first.train.length, first.test.length]).toEqual([800, 200]);
    expect((await imagenetR.open({ data: root, seed: 7 })).test).toEqual(first.test); // not the run's seed
    const other = await open({ splitSeed: 4 });
    expect(other.name).toBe("imagenet-r (80 to 20 by seed 4)");
    expect(other.test).not.toEqual(first.test);
    const held = new Set(first.test.map(({ id }) => id));
    expect(first.train.some(({ id }) => held.has(id))).toBe(false);
    await write("cats/1.jpg");
    expect(await refusal(open())).toMatch(
      /^DIR: folder "cats" is no WNID; expected 200 folders as n01443537/,
    );
    await rm(join(root, "cats"), { recursive: true });
    for (let image = 0; image < 5; image++) await rm(join(root, wnids[9]!, `${image}.jpg`));
    expect(await refusal(open())).toBe(
      `DIR/${wnids[9]}: no JPEG, PNG or WebP image for this class (the folder is empty); add some or remove the folder`,
    );
  });

  test("WNIDs with fixed lists beside them: that split, under another name, or any other on demand", async () => {
    for (const wnid of wnids)
      for (let image = 0; image < 4; image++) await write(`imagenet-r/${wnid}/${image}.jpg`);
    // As their owners write them: paths from another machine, labels at the end.
    const list = (images: readonly number[], label = (index: number) => index): string => {
      const paths = images.flatMap((image) => wnids.map((wnid) => `- data/imagenet-r/${wnid}/${image}.jpg`));
      const labels = images.flatMap(() => wnids.map((_, index) => `- ${label(index)}`));
      return `data:\n${paths.join("\n")}\ntargets:\n${labels.join("\n")}\n`;
    };
    const [train, test] = ["imagenet-r_train.yaml", "imagenet-r_test.yaml"] as const;
    await write(train, list([3, 0, 1]));
    await write(test, list([2]));
    const dataset = await open();
    expect(dataset.name).toBe("imagenet-r (fixed lists, 600 to train and 200 to test)");
    expect(dataset.classNames).toEqual(wnids);
    expect(dataset.train[0]).toEqual({ id: `${wnids[0]}/3.jpg`, label: 0, domain: 0 });
    expect((await imagenetR.open({ data: root, options: { split: "seeded" } })).name).toBe(
      "imagenet-r (80 to 20 by seed 1993)",
    );
    expect(await refusal(imagenetR.open({ data: root, options: { split: "folders" } }))).toBe(
      'DIR/imagenet-r: has no train/ and test/, which does not fit the split "folders"; leave --split out',
    );
    const erased: Benchmark = imagenetR;
    expect(await refusal(erased.open({ data: root, options: { split: "mine" } }))).toBe(
      'benchmark imagenet-r: `split: "mine"`: expected one of: auto, folders, lists, seeded',
    );

    await write(test, JSON.stringify({ data: [`${wnids[0]}/2.jpg`], targets: [0] })); // JSON is YAML, too
    expect((await open()).test).toHaveLength(1);
    for (const [content, said] of [
      [list([0]), new RegExp(`^${test}: entry 1 of data: ${wnids[0]}/0.jpg is also in ${train}`)],
      [list([9]), new RegExp(`^${test}: entry 1 of data: ${wnids[0]}/9.jpg is not in DIR/imagenet-r`)],
      [list([2], (index) => Math.max(index, 1)), /has label 1, but so has/],
      ["data: [n01443537.jpg]\ntargets: [0]", /is not of the form \.\.\.\/<class>\/<file>/],
      ["data: [a/b, c/d]\ntargets: [0]", /as many labels under "targets"/],
      ["data: [a/b\ntargets", new RegExp(`^DIR/${test}: can't be read as YAML`)],
      ["data: &a [x/y]\ntargets: *a", new RegExp(`^DIR/${test}: can't be read as YAML`)],
    ] as const) {
      await write(test, content);
      expect(await refusal(open())).toMatch(said);
    }
    await rm(join(root, test));
    expect(await refusal(imagenetR.open({ data: root, options: { split: "lists" } }))).toMatch(
      /^DIR: imagenet-r_test\.yaml missing; the split "lists" needs both/,
    );
  });

  test("nothing there", async () => {
    expect(await refusal(open())).toMatch(/^DIR: found 0 class folders; ImageNet-R has 200/);
    expect(await refusal(imagenetR.open({ data: join(root, "x") }))).toMatch(/^DIR\/x: no such folder/);
  });
});

describe("cub200", () => {
  const classes = numbers.map((number) => `${String(number + 1).padStart(3, "0")}.Bird_${number}`);
  const files = {
    "classes.txt": classes.map((name, index) => `${index + 1} ${name}`),
    "images.txt": classes.flatMap((name, index) => [
      `${2 * index + 1} ${name}/a.jpg`,
      `${2 * index + 2} ${name}/b.jpg`,
    ]),
    "image_class_labels.txt": numbers.flatMap((index) => [
      `${2 * index + 1} ${index + 1}`,
      `${2 * index + 2} ${index + 1}`,
    ]),
    "train_test_split.txt": numbers.flatMap((index) => [`${2 * index + 1} 0`, `${2 * index + 2} 1`]),
  };
  const lists = async (changed: Partial<typeof files> = {}, folder = "CUB_200_2011"): Promise<void> => {
    for (const [name, lines] of Object.entries({ ...files, ...changed })) {
      await write(`${folder}/${name}`, `${lines.join("\n")}\n`);
    }
  };
  const images = async (folder = "CUB_200_2011"): Promise<void> => {
    for (const name of classes)
      for (const file of ["a", "b"]) await write(`${folder}/images/${name}/${file}.jpg`, file);
  };
  const open = () => cub200.open({ data: root });
  const replaced = (lines: readonly string[], line: number, text: string): string[] =>
    lines.map((each, index) => (index === line - 1 ? text : each));

  test("the official archive, in its folder or above it: 1 is train", async () => {
    await lists();
    await images();
    for (const data of [root, join(root, "CUB_200_2011")]) {
      const dataset = await cub200.open({ data });
      expect([dataset.name, dataset.classNames]).toEqual(["cub200", classes]);
      expect([dataset.train.length, dataset.test.length]).toEqual([200, 200]);
      expect(dataset.train[199]).toEqual({ id: `${classes[199]}/b.jpg`, label: 199, domain: 0 });
      const image = await dataset.read(dataset.test[5]!);
      expect(image.kind === "encoded" && Buffer.from(image.bytes).toString()).toBe("a");
    }
    await rm(join(root, "CUB_200_2011/images", classes[7]!), { recursive: true });
    expect(await refusal(open())).toBe(
      `images.txt: ${classes[7]}/b.jpg is not in DIR/CUB_200_2011/images (and 1 more); unpack the archive again`,
    );
  });

  test.each<[string, keyof typeof files, number, string, string]>([
    ["a row without a value", "images.txt", 3, "3", 'images.txt line 3: "3"; expected a number and a value'],
    ["a number twice", "images.txt", 3, "2 x/y.jpg", "images.txt line 3: number 2 comes twice"],
    ["traversal", "images.txt", 3, "3 ../y.jpg", 'line 3: "../y.jpg" is not of the form <class>/<file>'],
    [
      "no label",
      "image_class_labels.txt",
      3,
      "900 1",
      "image_class_labels.txt: image 3 (images.txt line 3) is missing",
    ],
    ["no use", "train_test_split.txt", 4, "", "train_test_split.txt: image 4 (images.txt line 4) is missing"],
    [
      "another use",
      "train_test_split.txt",
      4,
      "4 2",
      'train_test_split.txt line 4: "2"; expected 1 (train) or 0',
    ],
    ["an unknown class", "image_class_labels.txt", 3, "3 201", 'line 3: class "201" is not in classes.txt'],
    [
      "a wrong class",
      "image_class_labels.txt",
      3,
      "3 1",
      'line 3: image 3 has class "001.Bird_0", but its path is "002.Bird_1/a.jpg"',
    ],
    ["a class less", "classes.txt", 200, "", "classes.txt: 199 classes; CUB-200-2011 has 200"],
  ])("refuses %s", async (_, file, line, text, message) => {
    await lists({ [file]: replaced(files[file], line, text) });
    await write("CUB_200_2011/images/x");
    const found = await refusal(open());
    expect(found).toContain(message);
    expect(found).not.toContain("\n");
  });

  test("refuses empty lists, an incomplete folder, another folder, and says what to unpack", async () => {
    await lists({ "images.txt": [] });
    expect(await refusal(open())).toMatch(
      /^DIR\/CUB_200_2011: images missing; CUB-200-2011 needs CUB_200_2011.tgz/,
    );
    await write("CUB_200_2011/images/x");
    expect(await refusal(open())).toBe("images.txt: it is empty; fetch the archive again");
    await rm(join(root, "CUB_200_2011"), { recursive: true });
    expect(await refusal(open())).toMatch(/^DIR: CUB-200-2011 is not there; it needs CUB.*has it\)$/);
  });

  test("train and test folders are another split under another name", async () => {
    for (const name of classes) for (const part of ["train", "test"]) await write(`${part}/${name}/1.jpg`);
    expect([(await open()).name, (await open()).train.length]).toEqual([
      "cub200 (train and test folders)",
      200,
    ]);
    for (const part of ["train", "test"]) await rm(join(root, part, classes[0]!), { recursive: true });
    expect(await refusal(open())).toMatch(/^DIR: found 199 class folders; CUB-200-2011 has 200/);
    await rm(join(root, "test"), { recursive: true });
    expect(await refusal(open())).toMatch(/found train\/ but no test\//);
  });
});
