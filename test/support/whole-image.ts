/** @file All of an image, as `withWhole` hands it over. */
import type { StoredImage } from "../../src/data/dataset.ts";
import { withWhole } from "../../src/node/images/transform.ts";

type Whole = Parameters<Parameters<typeof withWhole>[1]>[0];

/** Null where it is not handed over. */
export async function decodeWhole(image: StoredImage): Promise<Whole | null> {
  const found: Whole[] = [];
  await withWhole(image, async (whole) => void found.push(whole));
  return found[0] ?? null;
}
