/** @file Trained models from a run's folder, and bare backbones as feature extractors. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Batch, Preprocessing } from "../../data/dataset.ts";
import type { MethodContext } from "../../methods/method.ts";
import { AdaptedVit } from "../../network/adapted-vit.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { DEFAULT_OPTIMIZATION } from "../../optim/index.ts";
import { checked } from "../../run/checked.ts";
import { precisionOf } from "../../run/precision.ts";
import { InputError } from "../../tensor/errors.ts";
import { findBackbone } from "../backbones/backbones.ts";
import type { DownloadProgress } from "../hub/index.ts";
import { nodeRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { checkFits, decodeModel } from "./model-file.ts";
import { methodNamed } from "./run.ts";

/** Images in one run of a graph: no training, so that memory is no concern. */
const MICRO_BATCH = 8;

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
  const { tensors, description } = decodeModel(readFileSync(file), file);
  const { method: name, methodOptions, classNames, ...trained } = description;
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
  checkFits(learner.state(), tensors, file);
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

function softmax(scores: Float32Array): number[] {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  if (highest === Number.NEGATIVE_INFINITY) {
    throw new InputError("this readout has learnt no class yet: choose another with --readout");
  }
  const exponentials = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
