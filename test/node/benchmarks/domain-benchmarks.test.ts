import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Preprocessing } from "../../../src/data/dataset.ts";
import { classIncremental, domainIncremental } from "../../../src/data/stream.ts";
import { domainnet } from "../../../src/node/benchmarks/domainnet.ts";
import { domainnetCil } from "../../../src/node/benchmarks/domainnet-cil.ts";
import { pacs } from "../../../src/node/benchmarks/pacs.ts";
import { sharpTransform } from "../../../src/node/images/transform.ts";
import { zipOf } from "../archives/archives.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "fm-lora-domains-"));
});
afterEach(() => rm(root, { recursive: true }));

const write = (path: string, content: string | Uint8Array): Promise<void> =>
  writeFile(join(root, path), content);
const content = (path: string): Buffer => Buffer.from(`image ${path}`);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

test("domainnet: 345 classes of six domains in zips, in the published order", async () => {
  const classes = Array.from({ length: 345 }, (_, label) => `class_${String(label).padStart(3, "0")}`);
  for (const domain of ["clipart", "infograph", "painting", "quickdraw", "real", "sketch"]) {
    const paths = (number: number): string[] => classes.map((name) => `${domain}/${name}/${number}.jpg`);
    await write(
      `${domain}_train.txt`,
      paths(1)
        .map((path, label) => `${path} ${label}`)
        .join("\n"),
    );
    await write(
      `${domain}_test.txt`,
      paths(2)
        .map((path, label) => `${path} ${label}`)
        .join("\n"),
    );
    await write(
      `${domain}.zip`,
      zipOf([...paths(1), ...paths(2)].map((path) => ({ path, bytes: content(path) }))),
    );
  }
  const dataset = await domainnet.open({ data: root });
  expect(dataset.domainNames).toEqual(["real", "quickdraw", "painting", "sketch", "infograph", "clipart"]);
  expect([dataset.classNames, dataset.train.length, dataset.test.length]).toEqual([classes, 2070, 2070]);
  const image = await dataset.read(dataset.test.at(-1)!);
  expect(image.kind === "encoded" && text(image.bytes)).toBe("image clipart/class_344/2.jpg");

  // The same folder cut by classes, under its own name.
  const byClass = await domainnetCil.open({ data: root });
  expect(byClass.name).toBe("domainnet-cil");
  const { tasks, protocol, classNames } = classIncremental(byClass, { tasks: domainnetCil.tasks });
  expect(protocol).toBe("class-incremental");
  expect(classNames.slice(0, 3)).toEqual(["class_214", "class_080", "class_343"]);
  expect(tasks.map((task) => task.classes.length)).toEqual([69, 69, 69, 69, 69]);
  for (const { train, test: held } of tasks) {
    expect([train.length, held.length]).toEqual([6 * 69, 6 * 69]);
    expect(new Set(train.map(({ domain }) => domain)).size).toBe(6);
  }
});

const shared = resolve("../shared/data/pacs");
const found = existsSync(join(shared, "pacs.tar"));
test.skipIf(!found)(`pacs: the real data${found ? "" : ` (SKIPPED: ${shared} is not there)`}`, async () => {
  const dataset = await pacs.open({ data: shared });
  expect(dataset.classNames).toEqual(["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"]);
  expect([dataset.train.length, dataset.test.length]).toEqual([4803, 1183]);
  const { tasks } = domainIncremental(dataset);
  expect(tasks.map(({ name, train, test: held }) => [name, train.length, held.length])).toEqual([
    ["photo", 804, 196],
    ["art_painting", 984, 243],
    ["cartoon", 1127, 277],
    ["sketch", 1888, 467],
  ]);
  const preprocessing: Preprocessing = {
    size: 112,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    interpolation: "bicubic",
    cropFraction: null,
  };
  for (const task of tasks) {
    const pixels = await sharpTransform(await dataset.read(task.test.at(-1)!), preprocessing, null);
    expect(new Set(pixels).size).toBeGreaterThan(2);
  }
});
