/** @file CUB-200-2011 from its official archive, or from train and test folders. */
import * as z from "zod";
import { CUB_LISTS, cubSplit } from "../../data/cub-lists.ts";
import type { Dataset } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { below, type FileTree, sizeIn, sourceOf } from "../archives/file-tree.ts";
import { openPlace } from "../archives/places.ts";
import { openClasses } from "./class-folders.ts";
import { openParquet } from "./parquet-dataset.ts";
import { hasParts } from "./parts.ts";

const CLASSES = 200;
const FOLDER = "CUB_200_2011";

/** 200 species of birds (Wah et al., 2011). */
export const cub200 = defineBenchmark({
  name: "cub200",
  kind: "class-incremental",
  tasks: 10,
  summary: "CUB-200-2011: 200 species of birds",
  needs: `CUB_200_2011.tgz (unpacked once beside itself, to CUB_200_2011.tar) or its folder CUB_200_2011 (${CUB_LISTS.join(", ")}, images/), or the Hub's parquet files, or train/<class>/ and test/<class>/ (another split, as LAMDA-PILOT has it)`,
  source: {
    home: "https://www.vision.caltech.edu/datasets/cub_200_2011/",
    hub: {
      repo: "bentrevett/caltech-ucsd-birds-200-2011",
      files: /^data\/(train|test)-[^/]*\.parquet$/,
      note: "a user's copy of the official split, in parquet",
    },
    license: "not stated in the archive; the photos are their photographers'",
    images: 11_788,
    classes: CLASSES,
    bytes: 1_150_000_000,
  },
  usesData: true,
  options: z.object({}),
  async open({ data }): Promise<Dataset> {
    const layout = { name: "cub200", image: "image", label: "label", classes: CLASSES };
    const fromHub = await openParquet(data, layout);
    if (fromHub !== undefined) return fromHub;
    const given = await openPlace(data, [FOLDER], [FOLDER, "images", "train"]);
    const top = await given.list("");
    // The official archive unpacks to a folder of this name.
    const tree = top.folders.includes(FOLDER) ? below(given, FOLDER) : given;
    const { folders, files } = await tree.list("");
    const missing = [
      ...CUB_LISTS.filter((name) => !files.includes(name)),
      ...(folders.includes("images") ? [] : ["images"]),
    ];
    if (missing.length === 0) return openOfficial(tree);
    if (missing.length < CUB_LISTS.length + 1) {
      throw new InputError(
        `${tree.place}: ${missing.join(" and ")} missing; CUB-200-2011 needs ${cub200.needs}`,
      );
    }
    if (hasParts(folders)) return openResampled(tree);
    throw new InputError(`${given.place}: CUB-200-2011 is not there; it needs ${cub200.needs}`);
  },
});

async function openOfficial(tree: FileTree): Promise<Dataset> {
  const texts = await Promise.all(
    CUB_LISTS.map(async (name) => [name, new TextDecoder().decode(await tree.read(name))] as const),
  );
  const split = cubSplit(Object.fromEntries(texts) as Parameters<typeof cubSplit>[0]);
  const images = below(tree, "images");
  const absent: string[] = [];
  for (const { id } of [...split.train, ...split.test]) if (!(await images.has(id))) absent.push(id);
  if (absent.length > 0) {
    const more = absent.length === 1 ? "" : ` (and ${absent.length - 1} more)`;
    throw new InputError(
      `images.txt: ${absent[0]} is not in ${images.place}${more}; unpack the archive again`,
    );
  }
  return {
    name: "cub200",
    domainNames: ["photo"],
    ...split,
    source: (sample) => sourceOf(images, sample.id),
    size: (sample) => sizeIn(images, sample.id),
    async read(sample) {
      return { kind: "encoded", bytes: await images.read(sample.id) };
    },
  };
}

async function openResampled(tree: FileTree): Promise<Dataset> {
  // Another split is another benchmark: its name keeps it apart.
  const dataset = await openClasses(tree, 0, {
    name: "cub200 (train and test folders)",
    needs: cub200.needs,
  });
  if (dataset.classNames.length !== CLASSES) {
    throw new InputError(
      `${tree.place}: found ${dataset.classNames.length} class folders; CUB-200-2011 has ${CLASSES}: fetch it again, or use benchmark folder for a part of it`,
    );
  }
  return dataset;
}
