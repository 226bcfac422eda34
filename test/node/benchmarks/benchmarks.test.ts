import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CIFAR_RECORD_BYTES } from "../../../src/data/cifar.ts";
import { classIncremental } from "../../../src/data/stream.ts";
import { cifar100 } from "../../../src/node/benchmarks/cifar100.ts";
import { benchmarks } from "../../../src/node/benchmarks/index.ts";
import { REGISTRY } from "../../../src/node/runs/registry.ts";
import { checkedPlugin } from "../../../src/run/plugin.ts";
import { byName } from "../../../src/run/registry.ts";
import { InputError } from "../../../src/tensor/errors.ts";

describe("the registry", () => {
  test("has each benchmark under its name, with different names", () => {
    expect(benchmarks.map(({ name }) => byName(REGISTRY, "benchmarks", name))).toEqual(benchmarks);
    expect(new Set(benchmarks.map(({ name }) => name)).size).toBe(benchmarks.length);
    expect(() => byName(REGISTRY, "benchmarks", "mnist")).toThrow(
      /no benchmark "mnist"; expected one of: cifar100, /,
    );
  });

  test.each(benchmarks)(
    "$name says what it needs, and refuses options it does not have",
    async (benchmark) => {
      await expect(benchmark.open({ data: "x", options: { color: 1 } })).rejects.toThrow(InputError);
      const opened = benchmark.open(benchmark.usesData ? {} : { data: "x" });
      await expect(opened).rejects.toThrow(benchmark.usesData ? benchmark.needs : /leave it out/);
    },
  );

  test("keeps the rules that plugins have to keep", () => {
    expect(checkedPlugin({ benchmarks }, "ours")).toEqual({ benchmarks });
  });
});

describe("cifar100", () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "fm-lora-cifar-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  test("opens the official files, in the folder given or in the archive's own below it", async () => {
    for (const folder of [root, join(root, "cifar-100-binary")]) {
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "train.bin"), new Uint8Array(2 * CIFAR_RECORD_BYTES));
      await writeFile(join(folder, "test.bin"), new Uint8Array(CIFAR_RECORD_BYTES));
      await writeFile(join(folder, "fine_label_names.txt"), "apple\nbear\n");
      const dataset = await cifar100.open({ data: root });
      expect([dataset.train.length, dataset.test.length, dataset.classNames.length]).toEqual([2, 1, 2]);
      await rm(join(folder, "train.bin"));
      await expect(cifar100.open({ data: root })).rejects.toThrow(`${folder}: train.bin missing`);
      for (const name of ["test.bin", "fine_label_names.txt"]) await rm(join(folder, name));
    }
  });

  test("opens folders of images", async () => {
    for (const part of ["train", "test"]) {
      await mkdir(join(root, part, "apple"), { recursive: true });
      await writeFile(join(root, part, "apple", "1.png"), "");
    }
    expect((await cifar100.open({ data: root })).train).toEqual([
      { id: "train/apple/1.png", label: 0, domain: 0 },
    ]);
  });

  test("says where it looked and what it needs", async () => {
    await expect(cifar100.open({ data: join(root, "x") })).rejects.toThrow(/x: no such folder; expected/);
    await expect(cifar100.open({ data: root })).rejects.toThrow(/CIFAR-100 is not there; it needs a folder/);
    await writeFile(join(root, "train.bin"), new Uint8Array(CIFAR_RECORD_BYTES + 1));
    await writeFile(join(root, "test.bin"), "");
    await writeFile(join(root, "fine_label_names.txt"), "apple\n");
    await expect(cifar100.open({ data: root })).rejects.toThrow(
      /train.bin: 3075 bytes are not a whole number/,
    );
  });

  const shared = resolve("../shared/data/cifar100/cifar-100-binary");
  const found = existsSync(shared);
  test.skipIf(!found)(`opens the real data${found ? "" : ` (SKIPPED: ${shared} is not there)`}`, async () => {
    const dataset = await cifar100.open({ data: shared });
    expect([dataset.train.length, dataset.test.length]).toEqual([20000, 5000]);
    expect([dataset.classNames[0], dataset.classNames[99]]).toEqual(["apple", "worm"]);
    const { tasks } = classIncremental(dataset, { tasks: 10, limitPerClass: 60, validationPerClass: 10 });
    expect(
      tasks.map(({ train, validation, test: held }) => [train.length, validation.length, held.length]),
    ).toEqual(tasks.map(() => [500, 100, 500]));
    const image = await dataset.read(dataset.train[0]!);
    expect(image.kind === "rgb" && new Set(image.data).size).toBeGreaterThan(50);
  });
});
