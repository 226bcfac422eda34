/** @file Decoded images and the teacher's features, each computed once and kept in one file. */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Dataset, Preprocessing, Sample } from "../../data/dataset.ts";
import { batches } from "../../data/loader.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { DecodedImages } from "../../pretraining/data.ts";
import { InputError } from "../../tensor/errors.ts";
import { sharpTransform } from "../images/transform.ts";
import { featureExtractor } from "../runs/model.ts";
import { fillRecords, type RecordFileOptions, RecordReader } from "./record-file.ts";

/** Images decoded, or shown to the teacher, between two writes. */
const BATCH = 64;

/** Progress of a file: records done of all. */
export type OnProgress = (done: number, total: number) => void;

/** The images of one part, and where its files go. */
export interface CachedPart {
  readonly folder: string;
  readonly part: "train" | "test";
  readonly dataset: Dataset;
  readonly signal: AbortSignal | undefined;
}

/** Decodes the images of one part. The result has to be closed. @throws InputError that names an image that can't be */
export async function decodedImages(
  cached: CachedPart,
  preprocessing: Preprocessing,
  onProgress: OnProgress,
): Promise<DecodedImages & { close(): void }> {
  const samples = cached.dataset[cached.part];
  const file = {
    file: join(cached.folder, `${cached.part}-images.bin`),
    origin: { images: fingerprint(samples), ...geometry(preprocessing) },
    count: samples.length,
    recordBytes: preprocessing.size ** 2 * 3,
  };
  const make = async function* (done: number) {
    for await (const { images } of loaded(cached, samples.slice(done), preprocessing)) yield images;
  };
  await fillRecords(file, make, (done) => onProgress(done, samples.length));
  const reader = new RecordReader(file);
  return {
    count: samples.length,
    labels: Int32Array.from(samples, ({ label }) => label),
    read: (index) => reader.read(index),
    close: () => reader.close(),
  };
}

/** The teacher's features of one part, [images, width]. */
export async function teacherFeatures(
  cached: CachedPart,
  teacher: Backbone,
  threads: number,
  onProgress: OnProgress,
): Promise<Float32Array> {
  const samples = cached.dataset[cached.part];
  const file = teacherFile(cached, teacher);
  const make = async function* (done: number) {
    const extractor = featureExtractor(teacher, { threads });
    try {
      for await (const batch of loaded(cached, samples.slice(done), teacher.preprocessing)) {
        yield new Uint8Array((await extractor.features(batch)).buffer);
      }
    } finally {
      await extractor.dispose();
    }
  };
  await fillRecords(file, make, (done) => onProgress(done, samples.length));
  return readWhole(file);
}

/** Where the teacher's features of one part are kept, and what they are made from. */
function teacherFile({ folder, part, dataset }: CachedPart, teacher: Backbone): RecordFileOptions {
  return {
    file: join(folder, `${part}-teacher.bin`),
    origin: {
      images: fingerprint(dataset[part]),
      ...geometry(teacher.preprocessing),
      teacher: weightsFingerprint(teacher),
    },
    count: dataset[part].length,
    recordBytes: 4 * teacher.config.hiddenSize,
  };
}

const geometry = ({ size, interpolation, cropFraction }: Preprocessing) => ({
  size,
  interpolation,
  cropFraction,
});

/** Decodes some images, in batches of their bytes. */
export function loaded(
  { dataset, signal }: Pick<CachedPart, "dataset" | "signal">,
  samples: readonly Sample[],
  preprocessing: Preprocessing,
  batchSize = BATCH,
) {
  return batches({
    dataset,
    samples,
    position: dataset.classNames.map((_, label) => label),
    transform: sharpTransform,
    preprocessing,
    batchSize,
    prefetch: 2 * batchSize,
    onUnreadable: "fail",
    signal,
  });
}

/** Changes with every image's name, class or place. */
function fingerprint(samples: readonly Sample[]): string {
  const hash = createHash("sha256");
  for (const { id, label } of samples) hash.update(`${id}\n${label}\n`);
  return hash.digest("hex").slice(0, 16);
}

function weightsFingerprint({ weights }: Backbone): string {
  const hash = createHash("sha256");
  for (const name of Object.keys(weights).sort()) {
    const { data } = weights[name]!;
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex").slice(0, 16);
}

function readWhole({ file, count, recordBytes }: RecordFileOptions): Float32Array {
  const bytes = new Uint8Array(count * recordBytes);
  const descriptor = openSync(file, "r");
  for (let at = 0; at < bytes.length; ) {
    const read = readSync(descriptor, bytes, at, bytes.length - at, at);
    if (read === 0) throw new InputError(`${file}: ends at byte ${at} of ${bytes.length}; remove it`);
    at += read;
  }
  closeSync(descriptor);
  return new Float32Array(bytes.buffer);
}
