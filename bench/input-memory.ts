/**
 * @file Resident memory over 100,000 JPEG files that become training batches: it has to stay flat.
 *
 *     npx tsx bench/input-memory.ts [--quick] [--images N]
 *
 * The same photos and the same views as in input-pipeline.ts, on one image thread as in a run on a small machine.
 */
import { imagePool } from "../src/node/images/pool.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { inTemporaryFolder } from "./measure.ts";
import { benchOptions } from "./options.ts";
import { FILES, imageVersions, photoBatches, photosIn, SIZE } from "./photo-pass.ts";
import { PHOTO, writePhotos } from "./photos.ts";
import { conclude, ratio } from "./result.ts";

/** Rows of the table. */
const PARTS = 10;

interface Part {
  readonly images: number;
  /** Resident after every batch of the part, in MiB. */
  readonly residents: readonly number[];
}

async function residentMemory(images: number, files: number): Promise<Part[]> {
  return inTemporaryFolder(async (folder) => {
    const pool = imagePool(1);
    try {
      await writePhotos(folder, files);
      const pass = { files: photosIn(folder), count: images, epoch: 0, interpolation: "bilinear" } as const;
      const parts: Part[] = [];
      let residents: number[] = [];
      let done = 0;
      for await (const { count } of photoBatches(pool, pass)) {
        done += count;
        residents.push(process.memoryUsage.rss() / 2 ** 20);
        if (done < ((parts.length + 1) * images) / PARTS) continue;
        parts.push({ images: done, residents });
        residents = [];
      }
      return parts;
    } finally {
      await pool.close();
    }
  });
}

const options = benchOptions({ images: { type: "string" } });
const images = Number(options.own.images ?? (options.quick ? 1280 : 100_000));
const files = options.quick ? FILES / 8 : FILES;
const parts = await residentMemory(images, files);
const median = ({ residents }: Part): number => bestAndMedian(residents).median;
const most = ({ residents }: Part): number => Math.max(...residents);
const [second, last] = [parts[1]!, parts.at(-1)!]; // the first one fills the heap
conclude(
  "input-memory",
  {
    title: "Memory of the input pipeline",
    what: `JPEGs of ${PHOTO.width} x ${PHOTO.height} to ${SIZE} px in random crops, each read from disk and decoded; one image thread.`,
    versions: imageVersions(),
    notes: [],
    cases: [
      {
        name: `${images} images`,
        settings: { files },
        sides: parts.map((part) => ({
          name: `up to ${part.images}`,
          values: { "RSS MiB, median": Math.round(median(part)), "RSS MiB, most": Math.round(most(part)) },
        })),
        ratios: [
          ratio(
            "RSS, last tenth / second tenth",
            [most(last) / most(second), median(last) / median(second)],
            {
              atMost: 1.1,
            },
          ),
        ],
      },
    ],
  },
  options,
);
