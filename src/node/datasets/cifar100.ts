/** @file CIFAR-100 from its official binary files, or from folders of images. */
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type CifarFile, cifarClassNames, cifarDataset } from "../../data/cifar.ts";
import type { Dataset } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { type Benchmark, readOptions, requireData } from "./benchmark.ts";
import { openFolder } from "./folder.ts";

const FILES = ["train.bin", "test.bin", "fine_label_names.txt"] as const;

/** 100 classes of 32-pixel photos (Krizhevsky, 2009). */
export const cifar100: Benchmark = {
  name: "cifar100",
  kind: "class-incremental",
  tasks: 10,
  summary: "CIFAR-100: 100 classes of 32-pixel photos",
  needs: `a folder with ${FILES.join(", ")} (the official binary version), or train/<class>/ and test/<class>/ with images`,
  source: {
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    hub: {
      repo: "uoft-cs/cifar100",
      files: /^cifar100\/(train|test)-[^/]*\.parquet$/,
      note: "the official split as PNG in parquet",
    },
    licence: "not stated; the owners ask to cite Krizhevsky, 2009",
    images: 60_000,
    classes: 100,
    bytes: 161_000_000,
  },
  usesData: true,
  options: {},
  async open(options): Promise<Dataset> {
    readOptions("cifar100", cifar100.options, options.options);
    const given = requireData(cifar100, options);
    // The official archive unpacks to a folder of this name.
    for (const root of [given, join(given, "cifar-100-binary")]) {
      const missing = await missingFiles(root);
      if (missing.length === 0) return openBinary(root);
      if (missing.length < FILES.length) {
        throw new InputError(`${root}: ${missing.join(" and ")} missing; CIFAR-100 needs ${cifar100.needs}`);
      }
    }
    if (!(await exists(join(given, "train")))) {
      throw new InputError(`${given}: CIFAR-100 is not there; it needs ${cifar100.needs}`);
    }
    return openFolder(given, options.seed, "cifar100");
  },
};

async function openBinary(root: string): Promise<Dataset> {
  const file = async (name: string): Promise<CifarFile> => ({
    name,
    bytes: await readFile(join(root, name)),
  });
  const [train, test, names] = await Promise.all(FILES.map(file));
  return cifarDataset(train!, test!, cifarClassNames(names!.name, new TextDecoder().decode(names!.bytes)));
}

async function missingFiles(root: string): Promise<string[]> {
  const found = await Promise.all(FILES.map((name) => exists(join(root, name))));
  return FILES.filter((_, index) => !found[index]);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
