/** @file A user's own images: folders of classes, or an archive of them. */
import { resolve } from "node:path";
import * as z from "zod";
import type { Dataset } from "../../data/dataset.ts";
import { defineBenchmark } from "../../run/benchmark.ts";
import { ARCHIVE_ENDINGS, openPlace, stemOf } from "../archives/places.ts";
import { openClasses } from "./class-folders.ts";

/** A user's own images. */
export const folder = defineBenchmark({
  name: "folder",
  kind: "class-incremental",
  tasks: 5,
  summary: "your own images (JPEG, PNG, WebP, GIF), one folder a class",
  needs: `a folder or archive (*${ARCHIVE_ENDINGS.join(", *")}) DIR with DIR/train/<class>/ and DIR/test/<class>/, or DIR/<class>/ (split 80 to 20 by the seed)`,
  source: { home: null, hub: null, license: "yours", images: null, classes: null, bytes: null },
  usesData: true,
  options: z.object({}),
  open: ({ data, seed }): Promise<Dataset> => openFolder(data, seed),
});

/**
 * Lists the images under `root`, a folder or an archive: see `openClasses`.
 * @throws InputError if it is not there, or not of that layout.
 */
export async function openFolder(root: string, seed = 0): Promise<Dataset> {
  return openClasses(await openPlace(root), seed, { name: stemOf(resolve(root)), needs: folder.needs });
}
