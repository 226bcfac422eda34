/** @file CUB-200-2011 from its official archive, unpacked, or from train and test folders. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CUB_LISTS, cubSplit } from "../../data/cub-lists.ts";
import type { Dataset } from "../../data/dataset.ts";
import { InputError } from "../../tensor/errors.ts";
import { type Benchmark, readOptions, requireData } from "./benchmark.ts";
import { openFolder } from "./folder.ts";
import { folderFiles } from "./image-files.ts";

const CLASSES = 200;

/** 200 species of birds (Wah et al., 2011). */
export const cub200: Benchmark = {
  name: "cub200",
  kind: "class-incremental",
  tasks: 10,
  summary: "CUB-200-2011: 200 species of birds",
  needs: `the folder CUB_200_2011 of the official archive (${CUB_LISTS.join(", ")}, images/), or train/<class>/ and test/<class>/ (another split, as LAMDA-PILOT has it)`,
  source: {
    home: "https://www.vision.caltech.edu/datasets/cub_200_2011/",
    hub: {
      repo: "bentrevett/caltech-ucsd-birds-200-2011",
      files: /^data\/(train|test)-[^/]*\.parquet$/,
      note: "a user's copy of the official split, in parquet",
    },
    licence: "not stated in the archive; the photos are their photographers'",
    images: 11_788,
    classes: CLASSES,
    bytes: 1_150_000_000,
  },
  usesData: true,
  options: {},
  async open(options): Promise<Dataset> {
    readOptions("cub200", cub200.options, options.options);
    const given = requireData(cub200, options);
    // The official archive unpacks to a folder of this name.
    for (const root of [given, join(given, "CUB_200_2011")]) {
      const present = await readdir(root).catch((): string[] => []);
      const missing = [...CUB_LISTS, "images"].filter((name) => !present.includes(name));
      if (missing.length === 0) return openOfficial(root);
      if (missing.length < CUB_LISTS.length + 1) {
        throw new InputError(`${root}: ${missing.join(" and ")} missing; CUB-200-2011 needs ${cub200.needs}`);
      }
    }
    const top = await readdir(given).catch((): string[] => []);
    if (top.includes("train") || top.includes("test")) return openResampled(given);
    const packed = top.find((name) => /\.(tgz|tar\.gz|zip)$/.test(name));
    const advice = packed === undefined ? "" : `; unpack ${packed} first`;
    throw new InputError(`${given}: CUB-200-2011 is not there; it needs ${cub200.needs}${advice}`);
  },
};

async function openOfficial(root: string): Promise<Dataset> {
  const text = (name: string): Promise<string> => readFile(join(root, name), "utf8");
  const [classes, images, labels, uses] = await Promise.all(CUB_LISTS.map(text));
  const split = cubSplit({
    "classes.txt": classes!,
    "images.txt": images!,
    "image_class_labels.txt": labels!,
    "train_test_split.txt": uses!,
  });
  const files = folderFiles(join(root, "images"));
  const absent: string[] = [];
  for (const { id } of [...split.train, ...split.test]) if (!(await files.has(id))) absent.push(id);
  if (absent.length > 0) {
    const more = absent.length === 1 ? "" : ` (and ${absent.length - 1} more)`;
    throw new InputError(
      `images.txt: ${absent[0]} is not in ${files.place}${more}; unpack the archive again`,
    );
  }
  return {
    name: "cub200",
    domainNames: ["photo"],
    ...split,
    async read(sample) {
      return { kind: "encoded", bytes: await files.read(sample.id) };
    },
  };
}

async function openResampled(root: string): Promise<Dataset> {
  // Another split is another benchmark: its name keeps it apart.
  const dataset = await openFolder(root, 0, "cub200 (train and test folders)");
  if (dataset.classNames.length !== CLASSES) {
    throw new InputError(
      `${root}: found ${dataset.classNames.length} class folders; CUB-200-2011 has ${CLASSES}: fetch it again, or use benchmark folder for a part of it`,
    );
  }
  return dataset;
}
