/** @file Trained models from a run's folder, and bare backbones as feature extractors. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Batch, Preprocessing } from "../../data/dataset.ts";
import type { Learner, MethodContext } from "../../methods/method.ts";
import { AdaptedVit } from "../../network/adapted-vit.ts";
import { imageSide } from "../../nn/bounds.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { FLOAT32_PARTS } from "../../nn/precision.ts";
import { DEFAULT_OPTIMIZATION } from "../../optim/index.ts";
import { checked } from "../../run/checked.ts";
import { precisionOf } from "../../run/precision.ts";
import { InputError } from "../../tensor/errors.ts";
import { checkFinite } from "../../tensor/finite.ts";
import { decodeSafetensors } from "../../tensor/safetensors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { findBackbone } from "../backbones/backbones.ts";
import type { DownloadProgress } from "../hub/index.ts";
import { nodeRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { methodNamed } from "./run.ts";

/** Images in one run of a graph: no training, so that memory is no concern. */
const MICRO_BATCH = 8;

/** What model.safetensors says about itself under "fm-lora". */
const descriptionSchema = z.looseObject({
  method: z.string(),
  methodOptions: z.record(z.string(), z.unknown()),
  backbone: z.string(),
  imageSize: imageSide,
  precision: z.enum(["float32", "int8"]).default("float32"),
  float32Parts: z.array(z.enum(FLOAT32_PARTS)).default([]),
  classNames: z.array(z.string()).nonempty(),
});

/** A model that classifies. */
export interface Model {
  /** All classes of the stream it was trained on; those not seen yet have probability 0. */
  readonly classNames: readonly string[];
  readonly readouts: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What a user should know of its files, a line each. */
  readonly notices: readonly string[];
  /** For every image its classes, the likeliest first: the softmax of the readout's scores. */
  probabilities(batch: Batch): Promise<{ className: string; probability: number }[][]>;
  /** How far each image is from every known class (about 1 or less for known ones); null where the method can't tell. */
  distances(batch: Batch): Promise<readonly number[] | null>;
  dispose(): Promise<void>;
}

/** Where to find what a model needs, and how it classifies. */
export interface ModelOptions {
  /** Folder or name, instead of the one it was trained with. */
  readonly backbone?: string | undefined;
  readonly readout?: string | undefined;
  readonly threads?: number | undefined;
  /** Hears of the backbone's download from the Hub, if there is one. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /**
   * Images in one run of the graph, at most; fewer are filled up. 1 is best for images that come one by one, and the
   * default of a model in 8 bits: rounding looks at all of a run, and an answer should depend on its image alone.
   */
  readonly microBatch?: number | undefined;
}

/**
 * Opens the model of a run.
 * @param folder a run's folder, or its model/ folder
 * @throws InputError if there is none, or it doesn't fit its backbone
 */
export async function openModel(folder: string, options: ModelOptions = {}): Promise<Model> {
  const file = [join(folder, "model", "model.safetensors"), join(folder, "model.safetensors")].find(
    existsSync,
  );
  if (file === undefined) {
    throw new InputError(
      `${folder}: there is no model (model/model.safetensors); a run writes one after its first task`,
    );
  }
  const { tensors, metadata } = decodeSafetensors(readFileSync(file), file);
  const { method: name, methodOptions, classNames, ...trained } = parseDescription(metadata["fm-lora"], file);
  const method = methodNamed(name);
  const backbone = await findBackbone(options.backbone ?? trained.backbone, {
    imageSize: trained.imageSize,
    stored: trained.precision === "int8",
    onProgress: options.onDownload,
  });
  const microBatch = options.microBatch ?? (trained.precision === "int8" ? 1 : MICRO_BATCH);
  const bare = context(backbone, { ...options, microBatch });
  const learner = method.create(
    { ...bare, precision: await precisionOf(bare.runtime, backbone, trained) },
    checked(method.options, methodOptions, `${file}: options of ${name}`),
  );
  const readout = options.readout ?? learner.readouts[0]!;
  if (!learner.readouts.includes(readout)) {
    throw new InputError(`${file}: there is no readout "${readout}"; it has: ${learner.readouts.join(", ")}`);
  }
  checkFits(learner, tensors, file);
  checkClasses(tensors, classNames, file);
  await learner.load(tensors);
  return {
    classNames,
    readouts: learner.readouts,
    preprocessing: backbone.preprocessing,
    notices: backbone.notices ?? [],
    async probabilities(batch) {
      const scores = (await learner.predict(batch, classNames.length))[readout]!;
      return Array.from({ length: batch.count }, (_, row) => {
        const own = scores.subarray(row * classNames.length, (row + 1) * classNames.length);
        const all = softmax(own).map((probability, i) => ({ className: classNames[i]!, probability }));
        return all.sort((a, b) => b.probability - a.probability);
      });
    },
    async distances(batch) {
      const distances = await learner.distances(batch);
      return distances === null ? null : Array.from(distances);
    },
    dispose: () => learner.dispose(),
  };
}

/** A frozen backbone that turns images into features. */
export interface FeatureExtractor {
  /** CLS features after the last layer norm. [count, width] */
  features(batch: Batch): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** The bare backbone. */
export function featureExtractor(
  backbone: Backbone,
  options: Pick<ModelOptions, "threads" | "microBatch"> = {},
): FeatureExtractor {
  const bare = { sites: [], rank: 0, core: false, promptTokens: 0 };
  return new AdaptedVit(context(backbone, options), bare);
}

function context(
  backbone: Backbone,
  { threads = defaultThreads(), microBatch = MICRO_BATCH }: Pick<ModelOptions, "threads" | "microBatch">,
): MethodContext {
  return {
    backbone,
    runtime: nodeRuntime({ threads }),
    seed: 0,
    microBatch,
    optimization: DEFAULT_OPTIMIZATION,
  };
}

function parseDescription(text: string | undefined, file: string): z.infer<typeof descriptionSchema> {
  if (text === undefined) {
    throw new InputError(`${file}: no model of fm-lora: its metadata have no entry "fm-lora"`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: its entry "fm-lora" is no JSON`, { cause: error });
  }
  const result = descriptionSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: its entry "fm-lora": ${issue!.path.join(".")}: ${issue!.message}`);
}

/** A learner's state before training has the names of any later one; only the number of classes grows. */
function checkFits(learner: Learner, tensors: Readonly<Record<string, Tensor>>, file: string): void {
  for (const [name, { dtype, dims }] of Object.entries(learner.state())) {
    const found = tensors[name];
    if (found === undefined) {
      throw new InputError(`${file}: tensor ${name} is missing; the model and its backbone don't fit`);
    }
    if (found.dtype !== dtype) {
      throw new InputError(
        `${file}: tensor ${name} is ${found.dtype}; expected ${dtype}: the file is another program's`,
      );
    }
    if (found.dims.length !== dims.length || (dims.length > 1 && found.dims.at(-1) !== dims.at(-1))) {
      throw new InputError(
        `${file}: tensor ${name} is [${found.dims}], the backbone makes it [${dims}]; the model was trained on another one`,
      );
    }
    const classes = tensors[name.replace(/[^.]+$/, "classes")];
    if (dims[0] === 0 && classes !== undefined && found.dims[0] !== classes.dims[0]) {
      throw new InputError(
        `${file}: tensor ${name} is of ${found.dims[0]} classes, the list beside it of ${classes.dims[0]}; the file is damaged: take it from the run again`,
      );
    }
  }
  for (const [name, each] of Object.entries(tensors)) checkFinite(file, name, each);
}

/** The classes in the state are places in the list of names. */
function checkClasses(
  tensors: Readonly<Record<string, Tensor>>,
  classNames: readonly string[],
  file: string,
): void {
  for (const [name, { dtype, data }] of Object.entries(tensors)) {
    if (dtype !== "int32" || !/(^|\.)classes$/.test(name)) continue;
    const places = data as Int32Array;
    const wrong = places.findIndex(
      (place, at) => place < 0 || place >= classNames.length || place === places[at - 1],
    );
    if (wrong < 0) continue;
    throw new InputError(
      `${file}: tensor ${name} has class ${places[wrong]} at place ${wrong}, and there are ${classNames.length} class names; the file was changed: take it from the run again`,
    );
  }
}

function softmax(scores: Float32Array): number[] {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  if (highest === Number.NEGATIVE_INFINITY) {
    throw new InputError("this readout has learnt no class yet: choose another with --readout");
  }
  const exponentials = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
