/**
 * @file Images/s from JPEG files to training batches: ours against a PyTorch DataLoader with Pillow on the same cores.
 *
 *     npx tsx bench/input-pipeline.ts --python PYTHON [--quick] [--rounds N] [--images N]
 *
 * JPEGs of 500 x 375, RandomResizedCrop to 224 and a flip, batches of 32 as bytes; the peer also as normalized floats,
 * which our networks do inside their graph. Sides run in processes of their own and take turns; PYTHON has torch and
 * torchvision.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import type { Batch, Preprocessing } from "../src/data/dataset.ts";
import { imagePool } from "../src/node/images/pool.ts";
import { bestAndMedian } from "../src/node/runs/speed.ts";
import { inTemporaryFolder, ownWorker, pythonWorker, serve, type Worker } from "./measure.ts";
import { pythonWith } from "./options.ts";
import { BATCH, FILES, imageVersions, photoBatches, photosIn, SIZE } from "./photo-pass.ts";
import { PHOTO, writePhotos } from "./photos.ts";
import { type CaseResult, conclude, ratio } from "./result.ts";

/** Between the means of all pixels of two sides, out of 255: their random crops are not the same. */
const MEAN_TOLERANCE = 3;

const LABELS = { ours: "fm-lora", peer: "DataLoader", "peer, floats": "DataLoader, floats" } as const;

type Interpolation = Preprocessing["interpolation"];

interface SideOptions {
  readonly folder: string;
  readonly workers: number;
  readonly size: number;
  readonly batch: number;
  readonly interpolation: Interpolation;
  /** The peer only: normalized floats instead of bytes. */
  readonly floats: boolean;
}

/** One pass over some images. */
interface Answer {
  readonly seconds: number;
  /** Of all threads and processes of the side. */
  readonly processorSeconds: number;
  /** Of all pixels, 0 to 255. */
  readonly mean: number;
  /** Ours only: how much of a pass the main thread was busy, and the longest it could not answer. */
  readonly mainThread?: { readonly busySeconds: number; readonly longestMilliseconds: number };
}

/** Mean of every 97th byte: a check, not a cost. */
function meanOf({ images }: Batch): number {
  let sum = 0;
  for (let i = 0; i < images.length; i += 97) sum += images[i]!;
  return sum / Math.ceil(images.length / 97);
}

/** Our side: answers {"images": n} on stdin. */
async function serveOurs(options: SideOptions): Promise<void> {
  const files = photosIn(options.folder);
  const pool = imagePool(options.workers);
  let epoch = 0;
  await serve(async ({ images }: { readonly images: number }): Promise<Answer> => {
    const delay = monitorEventLoopDelay({ resolution: 10 }); // a finer one would cost what it measures
    const busy = performance.eventLoopUtilization();
    const processor = process.cpuUsage();
    const began = performance.now();
    const means: number[] = [];
    delay.enable();
    const pass = { files, count: images, epoch: epoch++, interpolation: options.interpolation };
    for await (const batch of photoBatches(pool, pass)) means.push(meanOf(batch));
    delay.disable();
    const { user, system } = process.cpuUsage(processor);
    return {
      seconds: (performance.now() - began) / 1000,
      processorSeconds: (user + system) / 1e6,
      mean: means.reduce((sum, value) => sum + value, 0) / means.length,
      mainThread: {
        busySeconds: performance.eventLoopUtilization(busy).active / 1000,
        longestMilliseconds: delay.max / 1e6,
      },
    };
  });
  await pool.close();
}

interface Side {
  readonly name: string;
  readonly group: keyof typeof LABELS;
  readonly worker: Worker;
  readonly answers: Answer[];
}

/** All sides in turns, on the photos in a folder. */
async function compare(options: {
  readonly python: string;
  readonly folder: string;
  readonly interpolation: Interpolation;
  readonly rounds: number;
  readonly images: number;
  readonly quick: boolean;
}): Promise<CaseResult> {
  const { python, folder, interpolation, rounds, images, quick } = options;
  const sides: Side[] = [];
  const add = (group: Side["group"], workers: number): void => {
    const floats = group === "peer, floats";
    const side: SideOptions = { folder, workers, size: SIZE, batch: BATCH, interpolation, floats };
    const worker =
      group === "ours"
        ? ownWorker(import.meta.url, ["--serve", JSON.stringify(side)])
        : pythonWorker(python, "peers/input_pipeline.py", [JSON.stringify(side)]);
    sides.push({ name: `${LABELS[group]}, ${workers} workers`, group, worker, answers: [] });
  };
  try {
    for (const group of ["ours", "peer", "peer, floats"] as const)
      for (const workers of quick ? [0, 2] : [0, 1, 2]) add(group, workers);
    // Turns: whatever else slows the machine slows all sides. The first round warms up and isn't counted.
    for (let round = 0; round <= rounds; round++) {
      for (const { worker, answers } of sides) {
        const answer = await worker.ask<Answer>({ images });
        if (round > 0) answers.push(answer);
      }
    }
    checkMeans(sides);
    const rows = sides.map((side) => ({ group: side.group, ...row(side, images) }));
    const best = (group: Side["group"]) =>
      rows
        .filter((each) => each.group === group)
        .toSorted((a, b) => b.imagesPerSecond.best - a.imagesPerSecond.best)[0]!;
    const against = (group: Side["group"], target?: { readonly atLeast: number }) => {
      const [ours, theirs] = [best("ours").imagesPerSecond, best(group).imagesPerSecond];
      const name = `speed, ours / ${LABELS[group]}, each with its best workers`;
      return ratio(name, [ours.best / theirs.best, ours.median / theirs.median], target);
    };
    return {
      name: `Input, ${interpolation}`,
      settings: { images, rounds },
      sides: rows.map(({ name, values: cells }) => ({ name, values: cells })),
      ratios: [against("peer", { atLeast: 1 }), against("peer, floats")],
    };
  } finally {
    for (const { worker } of sides) worker.stop();
  }
}

function row({ name, answers, worker }: Side, images: number) {
  const seconds = bestAndMedian(answers.map((answer) => answer.seconds));
  const rate = (value: number): number => Number((images / value).toFixed(1));
  const processor = bestAndMedian(answers.map((answer) => answer.processorSeconds)).best;
  const main = answers.flatMap(({ mainThread }) => mainThread ?? []);
  const busy = (): number => bestAndMedian(main.map((each) => each.busySeconds)).best;
  const blocked = (): number => bestAndMedian(main.map((each) => each.longestMilliseconds)).median;
  const imagesPerSecond = { best: rate(seconds.best), median: rate(seconds.median) };
  return {
    name,
    imagesPerSecond,
    values: {
      "images/s, best": imagesPerSecond.best,
      "images/s, median": imagesPerSecond.median,
      "processor ms an image": Number(((processor * 1000) / images).toFixed(2)),
      "main thread ms an image": main.length === 0 ? "–" : Number(((busy() * 1000) / images).toFixed(3)),
      "blocked at most, ms": main.length === 0 ? "–" : Number(blocked().toFixed(1)),
      "peak MiB": worker.peakMiB(),
    },
  };
}

/** Sides that do the same to the same images give the same pixels on average. @throws otherwise */
function checkMeans(sides: readonly Side[]): void {
  const means = sides.map(
    ({ answers }) => answers.reduce((sum, each) => sum + each.mean, 0) / answers.length,
  );
  for (const [i, mean] of means.entries())
    if (!(Math.abs(mean - means[0]!) < MEAN_TOLERANCE))
      throw new Error(`${sides[i]!.name}: mean pixel ${mean}, but ${sides[0]!.name} has ${means[0]}`);
}

const NOTES = [
  "Of a processor's time for a photo on our side, decoding takes about 1.4 ms and resizing 0.2; the rest reads files, passes messages and collects buffers.",
];

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    quick: { type: "boolean", default: false },
    serve: { type: "string" },
    rounds: { type: "string" },
    images: { type: "string" },
  },
});
if (values.serve !== undefined) {
  await serveOurs(JSON.parse(values.serve) as SideOptions);
} else {
  const packages = ["torch", "torchvision", "pillow"];
  const python = pythonWith({ python: values.python ?? process.env.FMLORA_PYTHON }, packages);
  if (python !== undefined)
    await inTemporaryFolder(async (folder) => {
      const files = values.quick ? FILES / 8 : FILES;
      const bytes = await writePhotos(folder, files);
      const cases: CaseResult[] = [];
      for (const interpolation of values.quick ? (["bilinear"] as const) : (["bilinear", "bicubic"] as const))
        cases.push(
          await compare({
            python: python.command,
            folder,
            interpolation,
            quick: values.quick,
            rounds: Number(values.rounds ?? (values.quick ? 2 : 8)),
            images: Number(values.images ?? (values.quick ? 256 : 1024)),
          }),
        );
      const found = {
        title: "From JPEG files to batches",
        what: `JPEGs of ${PHOTO.width} x ${PHOTO.height}, ${Math.round(bytes / files)} bytes each, to ${SIZE} px: RandomResizedCrop, flip, batches of ${BATCH}. The DataLoader decodes with Pillow.`,
        versions: { ...imageVersions(), ...python.versions },
        cases,
        notes: NOTES,
      };
      conclude("input-pipeline", found, values);
    });
}
