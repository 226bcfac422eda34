/** @file Everything that a pre-training learns from: decoded, and seen by the teacher. */
import type { Dataset } from "../../data/dataset.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { DecodedImages, PretrainingData } from "../../pretraining/data.ts";
import type { PretrainingEvent } from "../../pretraining/events.ts";
import {
  fitTeacherHead,
  scaleOf,
  standardise,
  type TeacherHead,
  teacherView,
} from "../../pretraining/teacher.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type CachedPart, decodedImages, teacherFeatures } from "./cache.ts";
import type { HeldOut } from "./dataset.ts";
import type { StartingNetwork } from "./network.ts";
import type { PretrainingSettings } from "./options.ts";

/** Opened data; `close` it after use. */
export interface OpenData {
  readonly data: PretrainingData;
  /** Of the linear head on the teacher's features, on validation images; null without a teacher. */
  readonly teacherAccuracy: number | null;
  /** That head; null without a teacher. */
  readonly teacherHead: TeacherHead | null;
  close(): void;
}

/**
 * Decodes images and asks the teacher, where the cache doesn't have it yet.
 * @throws InputError that names an image, or the cached file that is of other images
 */
export async function openData(
  options: PretrainingSettings,
  network: StartingNetwork,
  { dataset, split }: { readonly dataset: Dataset; readonly split: HeldOut | null },
  work: { readonly cache: string; readonly runtime: Runtime; readonly signal: AbortSignal | undefined },
  tell: (event: PretrainingEvent) => void,
): Promise<OpenData> {
  const { cache, signal } = work;
  const part = (name: CachedPart["part"]): CachedPart => ({ folder: cache, part: name, dataset, signal });
  const phase = (name: string) => (done: number, total: number) => tell({ type: "phase", name, done, total });
  const all = await decodedImages(part("train"), network.preprocessing, phase("decoding training images"));
  const test =
    split === null
      ? await decodedImages(part("test"), network.preprocessing, phase("decoding validation images"))
      : null;
  const close = (): void => {
    all.close();
    test?.close();
  };
  const train = split === null ? all : subset(all, split.kept);
  const validation = test ?? subset(all, split!.held);
  const { teacher } = network;
  if (teacher === null) {
    return { data: { train, validation, teacher: null }, teacherAccuracy: null, teacherHead: null, close };
  }
  const features = (name: CachedPart["part"], images: string): Promise<Float32Array> =>
    teacherFeatures(part(name), teacher, options.threads, phase(`teacher's features of ${images} images`));
  const said = await features("train", "training");
  const width = teacher.config.hiddenSize;
  const own = split === null ? said : rowsOf(said, split.kept, width);
  const others = split === null ? await features("test", "validation") : rowsOf(said, split.held, width);
  return {
    ...(await taught({ train, validation, features: own, others }, teacher, dataset, options, work.runtime)),
    close,
  };
}

/** Standardises the features and fits the head. */
async function taught(
  seen: Omit<PretrainingData, "teacher"> & {
    readonly features: Float32Array;
    readonly others: Float32Array;
  },
  { config }: Backbone,
  { classNames }: Dataset,
  { seed }: PretrainingSettings,
  runtime: Runtime,
): Promise<Omit<OpenData, "close">> {
  const { train, validation, features, others } = seen;
  const width = config.hiddenSize;
  const scale = scaleOf(features, width);
  standardise(features, scale);
  standardise(others, scale);
  const head = await fitTeacherHead(features, train.labels, classNames.length, runtime, seed);
  const onValidation = teacherView(others, width, head);
  let correct = 0;
  for (const [index, label] of validation.labels.entries()) {
    const probabilities = onValidation.predict(index);
    if (probabilities.indexOf(Math.max(...probabilities)) === label) correct++;
  }
  return {
    data: { train, validation, teacher: teacherView(features, width, head) },
    teacherAccuracy: correct / validation.count,
    teacherHead: head,
  };
}

function subset(images: DecodedImages, places: readonly number[]): DecodedImages {
  return {
    count: places.length,
    labels: Int32Array.from(places, (place) => images.labels[place]!),
    read: (index) => images.read(places[index]!),
  };
}

function rowsOf(features: Float32Array, places: readonly number[], width: number): Float32Array {
  const rows = new Float32Array(places.length * width);
  for (const [row, place] of places.entries()) {
    rows.set(features.subarray(place * width, (place + 1) * width), row * width);
  }
  return rows;
}
