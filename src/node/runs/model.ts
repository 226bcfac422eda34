/** @file Trained models from a run's folder, and bare backbones as feature extractors. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Batch, Preprocessing } from "../../data/dataset.ts";
import type { Learner, MethodContext } from "../../methods/method.ts";
import { AdaptedVit } from "../../network/adapted-vit.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { FLOAT32_PARTS } from "../../nn/precision.ts";
import { DEFAULT_OPTIMIZATION } from "../../optim/index.ts";
import { checked } from "../../run/checked.ts";
import { precisionOf } from "../../run/precision.ts";
import { InputError } from "../../tensor/errors.ts";
import { decodeSafetensors } from "../../tensor/safetensors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { findBackbone } from "../backbones/backbones.ts";
import { readWholeSync } from "../files/read.ts";
import type { DownloadProgress, HubSettings } from "../hub/index.ts";
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
  imageSize: z.number().int().positive(),
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
  /** Called before the Hub is asked for the backbone that the model names, with both: nobody is asked unsaid. */
  readonly onRequest?: ((backbone: string, endpoint: string) => void) | undefined;
  /** How the Hub is reached, if at all; default: what the environment says. */
  readonly hub?: HubSettings | undefined;
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
  const { tensors, metadata } = decodeSafetensors(readWholeSync(file), file);
  const { method: name, methodOptions, classNames, ...trained } = parseDescription(metadata["fm-lora"], file);
  const method = methodNamed(name);
  const { backbone: from = trained.backbone, hub, onRequest } = options;
  const backbone = await findBackbone(from, {
    imageSize: trained.imageSize,
    stored: trained.precision === "int8",
    onProgress: options.onDownload,
    onRequest: (endpoint) => onRequest?.(from, endpoint),
    settings: hub,
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
  await learner.load(tensors);
  return {
    classNames,
    readouts: learner.readouts,
    preprocessing: backbone.preprocessing,
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
  for (const [name, { dims }] of Object.entries(learner.state())) {
    const found = tensors[name];
    if (found === undefined) {
      throw new InputError(`${file}: tensor ${name} is missing; the model and its backbone don't fit`);
    }
    if (found.dims.length !== dims.length || found.dims.at(-1) !== dims.at(-1)) {
      if (dims.length < 2) continue; // one number a class
      throw new InputError(
        `${file}: tensor ${name} is [${found.dims}], the backbone makes it [${dims}]; the model was trained on another one`,
      );
    }
  }
}

function softmax(scores: Float32Array): number[] {
  const highest = Math.max(...scores);
  if (highest === Number.NEGATIVE_INFINITY) {
    throw new InputError("this readout has learnt no class yet: choose another with --readout");
  }
  const exponentials = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
