/** @file Decoded images on disk: passes after the first, and later runs, don't decode again. */
import { join } from "node:path";
import type { Dataset, Preprocessing, Sample } from "../../data/dataset.ts";
import type { ImageCache } from "../../data/loader.ts";
import { mirrored } from "../../data/placement.ts";
import { withPixels } from "./gate.ts";
import { ImageStore } from "./store.ts";
import { withWhole } from "./transform.ts";

/** Bytes of one store: 100,000 views of 224 pixels, or 30,000 whole photos of 500 x 375. */
const LIMIT = 16 * 2 ** 30;

/** A cache that can be closed. */
export interface OpenImageCache extends ImageCache {
  close(): Promise<void>;
}

/**
 * A cache of one data set in `folder`, with the same pixels as without: views without a random crop are kept as they
 * go into the network, before mirroring; for random crops the whole image is kept, where 8-bit RGB or gray. Data sets
 * whose images don't say what file they come from are not cached: those are in memory.
 */
export function openImageCache(
  folder: string,
  dataset: Pick<Dataset, "name" | "source">,
  notice: (text: string) => void,
  limit = LIMIT,
): OpenImageCache {
  const stores = new Map<string, Promise<ImageStore>>();
  const sources = new Map<Sample, Promise<string>>();
  const store = (form: string): Promise<ImageStore> => {
    let opened = stores.get(form);
    if (opened === undefined) {
      const name = `${dataset.name}-${form}`.replaceAll(/[^\w.-]/g, "_");
      opened = ImageStore.open({ path: join(folder, name), limit, notice });
      stores.set(form, opened);
    }
    return opened;
  };
  const sourceOf = (sample: Sample): Promise<string> => {
    let source = sources.get(sample);
    if (source === undefined) {
      source = dataset.source!(sample);
      sources.set(sample, source);
    }
    return source;
  };
  return {
    async pixels({ sample, preprocessing, view, read, transform }) {
      if (dataset.source === undefined) return transform(await read(), preprocessing, view);
      const key = await sourceOf(sample);
      if (view?.crop != null) {
        const whole = await store("whole");
        const cropOf = async (): Promise<Uint8Array | null> => {
          const kept = await whole.get(key);
          return kept === null ? null : transform({ kind: "rgb", ...kept }, preprocessing, view);
        };
        const size = whole.sizeOf(key);
        const found = size === null ? null : await withPixels(size, cropOf);
        if (found !== null) return found;
        const image = await read();
        await withWhole(image, (decoded) => whole.put(key, decoded));
        return transform(image, preprocessing, view);
      }
      const { size } = preprocessing;
      const views = await store(formOf(preprocessing));
      let data = (await views.get(key))?.data;
      if (data === undefined) {
        data = await transform(await read(), preprocessing, null);
        await views.put(key, { width: size, height: size, data });
      }
      return view?.flip === true ? mirrored(data, size) : data;
    },
    async close() {
      for (const opened of await Promise.allSettled(stores.values()))
        if (opened.status === "fulfilled") await opened.value.close();
    },
  };
}

/** All that the pixels of a test view depend on. */
const formOf = ({ size, interpolation, cropFraction }: Preprocessing): string =>
  `${size}-${interpolation}-${cropFraction ?? "whole"}`;
