/** @file The network that a pre-training trains: its shape, where its weights start, and its files. */
import { join } from "node:path";
import type { Preprocessing } from "../../data/dataset.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import type { VitConfig } from "../../nn/vit.ts";
import { selectWeights } from "../../nn/weight-selection.ts";
import { checkpointFiles, isPlainVit } from "../../nn/write-checkpoint.ts";
import { studentParameters } from "../../pretraining/student.ts";
import { InputError } from "../../tensor/errors.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { loadBackbone } from "../backbones/backbone.ts";
import { writeWhole } from "../files/write.ts";
import { RUN_FILE } from "../files/write-errors.ts";
import { readCheckpoint } from "./folder.ts";
import type { PretrainingSettings } from "./options.ts";

/** The network that is trained, and the weights it starts with. */
export interface StartingNetwork {
  readonly config: VitConfig;
  readonly preprocessing: Preprocessing;
  readonly weights: Readonly<Record<string, Tensor<"float32">>>;
  /** Its weights are still to be fitted to the teacher. */
  readonly regressed: boolean;
  readonly teacher: Backbone | null;
  /** What a user should know of the files of --init, a line each. */
  readonly notices?: readonly string[];
}

/**
 * Takes the shape and the weights from --init; else the shape from the options, and selected weights from the teacher.
 * Weights that are missing are still to be drawn.
 * @throws InputError
 */
export function networkOf(options: PretrainingSettings): StartingNetwork {
  const { init, teacher: teacherFolder } = options;
  const teacher = teacherFolder === undefined ? null : loadBackbone(teacherFolder);
  if (init !== undefined) {
    const earlier = readCheckpoint(init); // of a pre-training: it has the layers after the features, too
    const {
      config,
      preprocessing,
      weights: network,
      notices = [],
    } = loadBackbone(earlier === undefined ? init : join(init, "model"));
    const weights = earlier === undefined ? network : { ...network, ...studentParameters(earlier.state) };
    if (!isPlainVit(config)) {
      throw new InputError(`--init ${init}: only a plain ViT can be trained and written (model_type vit)`);
    }
    return { config, preprocessing, weights, teacher, regressed: false, notices };
  }
  const { imageSize, patch, width, layers, heads } = options;
  if (imageSize % patch !== 0) {
    throw new InputError(`--patch ${patch}: does not divide --image-size ${imageSize}`);
  }
  if (width % heads !== 0) throw new InputError(`--heads ${heads}: does not divide --width ${width}`);
  const half = [0.5, 0.5, 0.5] as const;
  const config: VitConfig = {
    imageSize,
    patchSize: patch,
    hiddenSize: width,
    mlpSize: 4 * width,
    layers,
    heads,
    layerNormEpsilon: 1e-6,
    layerScale: false,
    mean: half,
    std: half,
  };
  const preprocessing = {
    size: imageSize,
    mean: half,
    std: half,
    interpolation: "bicubic",
    cropFraction: null,
  } as const;
  const selected = teacherFolder !== undefined && options.start === "selection";
  const weights = selected
    ? selectWeights(loadBackbone(teacherFolder, { imageSize: sideOnGrid(teacher!.config, config) }), config)
    : {};
  const regressed = teacherFolder !== undefined && options.start === "regression";
  return { config, preprocessing, weights, regressed, teacher };
}

/** The side of images that give the teacher as many patches as the student has. */
export const sideOnGrid = (teacher: VitConfig, { imageSize, patchSize }: VitConfig): number =>
  (imageSize / patchSize) * teacher.patchSize;

/** Writes the folder that `loadBackbone` and transformers read. */
export async function saveModel(
  folder: string,
  { config, preprocessing }: StartingNetwork,
  parameters: Readonly<Record<string, Tensor<"float32">>>,
): Promise<void> {
  const files = checkpointFiles(config, preprocessing, parameters);
  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  await writeWhole(join(folder, "config.json"), json(files.config), RUN_FILE);
  await writeWhole(join(folder, "preprocessor_config.json"), json(files.preprocessor), RUN_FILE);
  await writeWhole(join(folder, "model.safetensors"), files.weights, RUN_FILE);
}
