/** @file CIFAR-100 from its official files or archives, or from folders of images. */
import * as z from "zod";
import type { Dataset } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { InputError } from "../../tensor/errors.ts";
import { openPlace } from "../archives/places.ts";
import { CIFAR_NEEDS, openCifar } from "./cifar-files.ts";
import { openClasses } from "./class-folders.ts";
import { openParquet } from "./parquet-dataset.ts";
import { hasParts } from "./parts.ts";

/** 100 classes of 32-pixel photos (Krizhevsky, 2009). */
export const cifar100 = defineBenchmark({
  name: "cifar100",
  kind: "class-incremental",
  tasks: 10,
  summary: "CIFAR-100: 100 classes of 32-pixel photos",
  needs: `a folder with ${CIFAR_NEEDS}, or the Hub's parquet files, or train/<class>/ and test/<class>/ with images`,
  source: {
    home: "https://www.cs.toronto.edu/~kriz/cifar.html",
    hub: {
      repo: "uoft-cs/cifar100",
      files: /^cifar100\/(train|test)-[^/]*\.parquet$/,
      note: "the official split as PNG in parquet",
    },
    license: "not stated; the owners ask to cite Krizhevsky, 2009",
    images: 60_000,
    classes: 100,
    bytes: 161_000_000,
  },
  usesData: true,
  options: z.object({}),
  async open({ data: given }): Promise<Dataset> {
    const official = await openCifar(given);
    if (official !== undefined) return official;
    const layout = { name: "cifar100", image: "img", label: "fine_label", classes: 100 };
    const fromHub = await openParquet(given, layout);
    if (fromHub !== undefined) return fromHub;
    const tree = await openPlace(given);
    if (hasParts((await tree.list("")).folders)) {
      return openClasses(tree, 0, { name: "cifar100", needs: cifar100.needs });
    }
    throw new InputError(`${given}: CIFAR-100 is not there; it needs ${cifar100.needs}`);
  },
});
