/** @file The weights that a new network starts with: made from the teacher's and some training images. */
import type { Dataset } from "../../data/dataset.ts";
import type { DecodedImages, PretrainingData } from "../../pretraining/data.ts";
import type { PretrainingEvent } from "../../pretraining/events.ts";
import { regressHeads, type SeenImages } from "../../pretraining/regression/heads.ts";
import type { ImagePair } from "../../pretraining/regression/pair.ts";
import { checkTeacher, regressWeights } from "../../pretraining/regression/regression.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import { loadBackbone } from "../backbones/backbone.ts";
import { loaded } from "./cache.ts";
import type { OpenData } from "./data.ts";
import type { HeldOut } from "./dataset.ts";
import { type StartingNetwork, sideOnGrid } from "./network.ts";
import type { PretrainingSettings } from "./options.ts";

/** Images in one run of a graph. */
const BATCH = 32;
/** The layers after the features are fitted on so many times as many images: these cost little, and overfit sooner. */
const HEAD_IMAGES = 8;

/**
 * The weights of `--start regression`, with the head and the map to the teacher's features.
 * @throws InputError if an image can't be read
 */
export async function regressedStart(
  { teacher: folder, startImages }: PretrainingSettings,
  network: StartingNetwork,
  { dataset, split }: { readonly dataset: Dataset; readonly split: HeldOut | null },
  { data, teacherHead }: OpenData,
  work: { readonly runtime: Runtime; readonly signal: AbortSignal | undefined },
  tell: (event: PretrainingEvent) => void,
): Promise<Record<string, Tensor<"float32">>> {
  const { config } = network;
  const teacher = loadBackbone(folder!, { imageSize: sideOnGrid(network.teacher!.config, config) });
  const chosen = spread(data.train.count, startImages);
  const samples = chosen.map((index) => dataset.train[split === null ? index : split.kept[index]!]!);
  const side = teacher.config.imageSize;
  const batches: ImagePair[] = [];
  const shown = loaded({ dataset, signal: work.signal }, samples, teacher.preprocessing, BATCH);
  for await (const { images } of shown) {
    batches.push({
      teacher: tensor("uint8", [BATCH, side, side, 3], images),
      student: imagesOf(data.train, chosen.slice(batches.length * BATCH, (batches.length + 1) * BATCH)),
    });
  }
  const onProgress = (done: number, total: number): void =>
    tell({ type: "phase", name: "fitting the network to the teacher", done, total });
  const weights = await regressWeights(teacher, config, { batches, ...work, onProgress });
  const seen = seenImages(data, spread(data.train.count, HEAD_IMAGES * startImages));
  return { ...weights, ...(await regressHeads(config, weights, teacherHead!, seen, work.runtime)) };
}

/** Refuses a teacher before anything is decoded. @throws InputError that says what the regression asks of it */
export function checkRegression({ teacher, config }: StartingNetwork): void {
  const imageSize = sideOnGrid(teacher!.config, config);
  checkTeacher({ ...teacher!, config: { ...teacher!.config, imageSize } }, config);
}

/** `wanted` of `count` indices or fewer, evenly spread, in whole batches. */
function spread(count: number, wanted: number): number[] {
  const length = Math.max(1, Math.floor(Math.min(wanted, count) / BATCH)) * BATCH;
  return Array.from({ length }, (_, i) => Math.floor((i * count) / length));
}

function* seenImages({ train, teacher }: PretrainingData, chosen: readonly number[]): Generator<SeenImages> {
  const { width, features } = teacher!;
  for (let start = 0; start < chosen.length; start += BATCH) {
    const own = chosen.slice(start, start + BATCH);
    const rows = new Float32Array(BATCH * width);
    for (const [row, index] of own.entries()) {
      rows.set(features.subarray(index * width, (index + 1) * width), row * width);
    }
    yield { images: imagesOf(train, own), features: tensor("float32", [BATCH, width], rows) };
  }
}

function imagesOf(images: DecodedImages, indices: readonly number[]): Tensor<"uint8"> {
  const parts = indices.map((index) => images.read(index));
  const side = Math.sqrt(parts[0]!.length / 3);
  const pixels = new Uint8Array(parts.length * parts[0]!.length);
  for (const [row, part] of parts.entries()) pixels.set(part, row * part.length);
  return tensor("uint8", [parts.length, side, side, 3], pixels);
}
