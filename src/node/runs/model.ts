/** @file Trained models from a run's folder, and bare backbones as feature extractors. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Images, Preprocessing } from "../../data/dataset.ts";
import type { ExportedModel } from "../../export/work.ts";
import { headSetOptions } from "../../heads/head-set.ts";
import { withOwnAdapter } from "../../learner/adapter.ts";
import { answerOf, keyOf, type Prediction } from "../../learner/answers.ts";
import { checkFits, checkWeights, decodeModel, type ModelDescription } from "../../learner/model-file.ts";
import type { MethodContext } from "../../methods/method.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { DEFAULT_OPTIMIZATION } from "../../optim/index.ts";
import { checked } from "../../run/checked.ts";
import { chosenHeads, headName } from "../../run/heads.ts";
import { precisionOf } from "../../run/precision.ts";
import { byName, type Registry } from "../../run/registry.ts";
import { InputError } from "../../tensor/errors.ts";
import { ContinualModel } from "../../train/model.ts";
import { findBackbone } from "../backbones/backbones.ts";
import { readTextSync, readWholeSync } from "../files/read.ts";
import type { DownloadProgress, HubSettings } from "../hub/index.ts";
import { nodeRuntime } from "../runtime/runtime.ts";
import { defaultThreads } from "../runtime/threads.ts";
import { MODEL_REGISTRY } from "./model-registry.ts";

/** Images in one run of a graph: no training, so that memory is no concern. */
const MICRO_BATCH = 8;

/** A model that classifies. */
export interface Model {
  /** All classes of the stream it was trained on; those not seen yet have probability 0. */
  readonly classNames: readonly string[];
  /** Names of its heads, the model's own choice first. */
  readonly heads: readonly string[];
  readonly preprocessing: Preprocessing;
  /** What the scores of its head were divided by to make probabilities calibrated; null where it doesn't calibrate. */
  readonly temperature: number | null;
  /** What a user should know of its files, a line each. */
  readonly notices: readonly string[];
  /** How often a learner had taught it; null of a run's. */
  readonly learns: number | null;
  /** What it says about images, from one forward pass. */
  classify(images: Images): Promise<readonly Prediction[]>;
  dispose(): Promise<void>;
}

/** Where to find what a model needs, and how it classifies. */
export interface ModelOptions {
  /** Folder or name, instead of the one it was trained with. */
  readonly backbone?: string | undefined;
  /** Name of a head; left out: the model's own choice. */
  readonly head?: string | undefined;
  /** An image stranger than this is unknown; default: what the model's held-out images say; of a run's model, none is. */
  readonly unknownThreshold?: number | undefined;
  readonly threads?: number | undefined;
  /** Where the model's method and heads are looked up; default: what comes along. */
  readonly registry?: Registry | undefined;
  /** Hears of the backbone's download from the Hub, if there is one. */
  readonly onDownload?: ((progress: DownloadProgress) => void) | undefined;
  /** Called before the Hub is asked for the backbone that the model names, with both: nobody is asked unsaid. */
  readonly onRequest?: ((backbone: string, endpoint: string) => void) | undefined;
  /** How the Hub is reached, if at all; default: what the environment says. */
  readonly hub?: HubSettings | undefined;
  /**
   * Images in one run of the graph, at most; what full runs leave goes image by image. A model in 8 bits has 1 as its
   * default, and fills up the last run of more: rounding looks at all of a run, and an answer should depend on its image
   * alone.
   */
  readonly microBatch?: number | undefined;
}

/** A model with what it was made of. */
export interface OpenedModel extends ExportedModel {
  /** What the file says about itself. */
  readonly description: ModelDescription;
}

/** The file of the model in a run's folder, its model/ folder, or a learner's; undefined if there is none. */
export const modelFileIn = (folder: string): string | undefined =>
  [join(folder, "model", "model.safetensors"), join(folder, "model.safetensors")].find(existsSync);

/**
 * Reads the model of a run or a learner, and its backbone.
 * @param folder a run's folder or its model/ folder, or a learner's
 * @throws InputError if there is none, or it doesn't fit its backbone
 */
export async function readModel(folder: string, options: ModelOptions = {}): Promise<OpenedModel> {
  const file = modelFileIn(folder);
  if (file === undefined) {
    throw new InputError(
      `${folder}: there is no model (model/model.safetensors); a run writes one after its first task`,
    );
  }
  const { tensors, description } = decodeModel(readWholeSync(file), file);
  const { method: name, methodOptions, headOptions, classNames, ...trained } = description;
  const registry = options.registry ?? MODEL_REGISTRY;
  const method = byName(registry, "methods", name, trained.plugins);
  const { backbone: from = trained.backbone, hub, onRequest } = options;
  const bareBackbone = await findBackbone(from, {
    imageSize: trained.imageSize,
    stored: trained.precision === "int8",
    onProgress: options.onDownload,
    onRequest: (endpoint) => onRequest?.(from, endpoint),
    settings: hub,
  });
  checkWeights(description, bareBackbone, file);
  const backbone = withOwnAdapter(bareBackbone, tensors, file);
  const microBatch = options.microBatch ?? (trained.precision === "int8" ? 1 : MICRO_BATCH);
  const bare = context(backbone, { ...options, microBatch });
  const chosen = chosenHeads(method, trained.heads, trained.drift, registry.heads, trained.plugins);
  const precision = await precisionOf(bare.runtime, backbone, trained);
  const model = new ContinualModel(
    { ...bare, precision, features: trained.features },
    {
      method,
      methodOptions: checked(method.options, methodOptions, `${file}: options of ${name}`),
      ...chosen,
      headOptions: checked(
        headSetOptions(chosen.heads, chosen.drift),
        headOptions,
        `${file}: options of its heads`,
      ),
    },
  );
  const { names } = model.heads;
  const head = options.head === undefined ? names[0]! : headName(options.head);
  if (!names.includes(head)) {
    throw new InputError(`${file}: there is no head "${head}"; it has: ${names.join(", ")}`);
  }
  checkFits(model.state(), tensors, file);
  await model.load(tensors, description.temperatures);
  return { model, classNames, method: name, precision: trained.precision, backbone, head, file, description };
}

/**
 * Opens the model of a run or a learner.
 * @param folder a run's folder or its model/ folder, or a learner's
 * @throws InputError if there is none, or it doesn't fit its backbone
 */
export async function openModel(folder: string, options: ModelOptions = {}): Promise<Model> {
  const { model, classNames, backbone, head, file, description } = await readModel(folder, options);
  const key = keyOf(description, model.learner.width, options.unknownThreshold);
  const [own, fitted] = [model.heads.temperature(head), key.temperature];
  return {
    classNames: classNames.filter((_, position) => !key.removed.includes(position)),
    heads: model.heads.names,
    preprocessing: backbone.preprocessing,
    notices: [...(backbone.notices ?? []), ...editedCopy(file, classNames)],
    learns: description.learner?.learns ?? null,
    temperature: fitted === 1 ? own : (own ?? 1) * fitted,
    async classify(images) {
      const { scores, distances } = await model.answer(images, classNames.length, head);
      return Array.from({ length: images.count }, (_, row) => {
        const own = scores[head]!.subarray(row * classNames.length, (row + 1) * classNames.length);
        return answerOf(own, distances?.[row] ?? null, key);
      });
    },
    dispose: () => model.dispose(),
  };
}

/** model.json is a copy to read: what someone changed in it does nothing, which they should hear. */
function editedCopy(file: string, classNames: readonly string[]): string[] {
  const copy = join(dirname(file), "model.json");
  try {
    const { classNames: read } = JSON.parse(readTextSync(copy)) as Partial<ModelDescription>;
    if (read === undefined || JSON.stringify(read) === JSON.stringify(classNames)) return [];
  } catch {
    return []; // whoever has no copy, or a broken one, needs none
  }
  return [
    `${copy}: has other class names than the model, which has its own; fmlora rename-class changes them`,
  ];
}

/** A frozen backbone that turns images into features. */
export interface FeatureExtractor {
  /** CLS features after the last layer norm. [count, width] */
  features(images: Images): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** The bare backbone. */
export function featureExtractor(
  backbone: Backbone,
  options: Pick<ModelOptions, "threads" | "microBatch"> = {},
): FeatureExtractor {
  return new AdaptedNetwork(context(backbone, options));
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
    oneByOne: true,
    optimization: DEFAULT_OPTIMIZATION,
  };
}
