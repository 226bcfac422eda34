/**
 * @file Images/s from JPEG files to training batches: ours against a PyTorch DataLoader with Pillow on the same cores.
 *
 *     npx tsx bench/input-pipeline.ts --python PYTHON [--quick] [--rounds N] [--images N] [--interpolation bicubic]
 *     npx tsx bench/input-pipeline.ts --memory [--images N] [--quick]
 *
 * JPEGs of 500 x 375, RandomResizedCrop to 224 and a flip, batches of 32 as bytes; the peer also as normalised floats,
 * which our networks do inside their graph. Sides run in processes of their own and take turns; PYTHON has torch and
 * torchvision. --memory prints our resident memory every 10,000 images.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AUGMENTATIONS, drawPass } from "../src/data/augmentation.ts";
import type { Batch, Preprocessing } from "../src/data/dataset.ts";
import { batches } from "../src/data/loader.ts";
import { type ImagePool, imagePool } from "../src/node/image-pool.ts";
import { bestAndMedian } from "../src/node/speed.ts";
import { Rng } from "../src/tensor/rng.ts";
import { serve, Worker } from "./measure.ts";
import { pythonWith } from "./options.ts";
import { PHOTO, writePhotos } from "./photos.ts";
import { conclude, ratio } from "./result.ts";

const SIZE = 224;
const BATCH = 32;
const FILES = 256;
const PREFETCH = 128; // as in src/train/run.ts
/** Between the means of all pixels of two sides, out of 255: their random crops are not the same. */
const MEAN_TOLERANCE = 3;

const LABELS = { ours: "fm-lora", peer: "DataLoader", "peer, floats": "DataLoader, floats" } as const;

interface SideOptions {
  readonly folder: string;
  readonly workers: number;
  readonly size: number;
  readonly batch: number;
  readonly interpolation: "bicubic" | "bilinear";
  /** The peer only: normalised floats instead of bytes. */
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

/** The batches of one pass over `count` images; files repeat. */
function pass(files: readonly string[], count: number, epoch: number, pool: ImagePool, options: SideOptions) {
  const preprocessing: Preprocessing = {
    size: options.size,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    interpolation: options.interpolation,
    cropFraction: null,
  };
  return batches({
    dataset: { read: async ({ id }) => ({ kind: "encoded", bytes: await readFile(id) }) },
    samples: Array.from({ length: count }, (_, i) => ({ id: files[i % files.length]!, label: 0, domain: 0 })),
    position: [0],
    transform: pool.transform,
    preprocessing,
    batchSize: options.batch,
    ...drawPass(Rng.at("epoch", epoch), count, AUGMENTATIONS["random-resized-crop"]),
    prefetch: PREFETCH,
    onUnreadable: "fail",
  });
}

/** Mean of every 97th byte: a check, not a cost. */
function meanOf({ images }: Batch): number {
  let sum = 0;
  for (let i = 0; i < images.length; i += 97) sum += images[i]!;
  return sum / Math.ceil(images.length / 97);
}

const photosIn = (folder: string): string[] =>
  readdirSync(folder)
    .sort()
    .map((name) => join(folder, name));

/** Our side: answers {"images": n} on stdin. */
async function serveOurs(options: SideOptions): Promise<void> {
  const files = photosIn(options.folder);
  const pool = imagePool(options.workers);
  let epoch = 0;
  await serve(async ({ images }: { readonly images: number }): Promise<Answer> => {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    const busy = performance.eventLoopUtilization();
    const processor = process.cpuUsage();
    const began = performance.now();
    const means: number[] = [];
    delay.enable();
    for await (const batch of pass(files, images, epoch++, pool, options)) means.push(meanOf(batch));
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

/** Runs all sides in turns, prints a table and writes results/input-pipeline.json. */
async function compare(options: {
  readonly python: string;
  readonly interpolation: SideOptions["interpolation"];
  readonly rounds: number;
  readonly files: number;
  readonly images: number;
  readonly save: boolean;
}): Promise<void> {
  const { python, interpolation, rounds, files, images, save } = options;
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-bench-"));
  const peer = fileURLToPath(new URL("peers/input_pipeline.py", import.meta.url));
  const sides: Side[] = [];
  const add = (group: Side["group"], workers: number): void => {
    const side = {
      folder,
      workers,
      size: SIZE,
      batch: BATCH,
      interpolation,
      floats: group === "peer, floats",
    };
    const json = JSON.stringify(side satisfies SideOptions);
    const worker =
      group === "ours"
        ? new Worker(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), "--serve", json])
        : new Worker(python, [peer, json]);
    sides.push({ name: `${LABELS[group]}, ${workers} workers`, group, worker, answers: [] });
  };
  try {
    const bytes = await writePhotos(folder, files);
    for (const group of ["ours", "peer", "peer, floats"] as const)
      for (const workers of [0, 1, 2]) add(group, workers);
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
    const against = (group: Side["group"]) => {
      const [ours, theirs] = [best("ours").imagesPerSecond, best(group).imagesPerSecond];
      const name = `speed, ours / ${LABELS[group]}, each with its best workers`;
      return ratio(name, [ours.best / theirs.best, ours.median / theirs.median]);
    };
    const found = {
      title: "From JPEG files to batches",
      what: `JPEGs of ${PHOTO.width} x ${PHOTO.height} to ${SIZE} px: RandomResizedCrop, flip, batches of ${BATCH}.`,
      versions: {},
      notes: [],
      cases: [
        {
          name: "Images",
          settings: { interpolation, "mean bytes of a file": Math.round(bytes / files), images, rounds },
          sides: rows.map(({ name, values: cells }) => ({ name, values: cells })),
          ratios: [against("peer"), against("peer, floats")],
        },
      ],
    };
    conclude("input-pipeline", found, { quick: !save });
  } finally {
    for (const { worker } of sides) worker.stop();
    rmSync(folder, { recursive: true });
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

/** Our resident memory over many images. */
async function memory(images: number, every: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-bench-"));
  const pool = imagePool(1);
  try {
    await writePhotos(folder, FILES);
    const options = {
      folder,
      workers: 1,
      size: SIZE,
      batch: BATCH,
      interpolation: "bilinear",
      floats: false,
    } as const;
    let done = 0;
    for await (const batch of pass(photosIn(folder), images, 0, pool, options)) {
      const before = Math.floor(done / every);
      done += batch.count;
      if (Math.floor(done / every) > before)
        console.log(`${done} images: ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`);
    }
  } finally {
    await pool.close();
    rmSync(folder, { recursive: true });
  }
}

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    quick: { type: "boolean", default: false },
    memory: { type: "boolean", default: false },
    serve: { type: "string" },
    rounds: { type: "string" },
    images: { type: "string" },
    interpolation: { type: "string", default: "bilinear" },
  },
});
if (values.serve !== undefined) {
  await serveOurs(JSON.parse(values.serve) as SideOptions);
} else if (values.memory) {
  const images = Number(values.images ?? (values.quick ? 2000 : 100_000));
  await memory(images, Math.ceil(images / 10));
} else {
  const python = pythonWith({ python: values.python ?? process.env.FMLORA_PYTHON }, ["torch", "torchvision"]);
  if (python !== undefined)
    await compare({
      python: python.command,
      interpolation: values.interpolation === "bicubic" ? "bicubic" : "bilinear",
      rounds: Number(values.rounds ?? (values.quick ? 2 : 8)),
      files: values.quick ? FILES / 8 : FILES,
      images: Number(values.images ?? (values.quick ? 256 : 1024)),
      save: !values.quick,
    });
}
