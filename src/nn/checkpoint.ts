/** @file From a Hugging Face folder (config.json, preprocessor_config.json, safetensors) to our ViT. */
import { z } from "zod";
import type { Preprocessing } from "../data/dataset.ts";
import { InputError } from "../tensor/errors.ts";
import { decodeFloat32, type SafetensorsHeader } from "../tensor/safetensors.ts";
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import { FAMILIES, type Family } from "./families.ts";
import { interpolatePositions } from "./positions.ts";
import type { VitConfig } from "./vit.ts";

/** A frozen pre-trained network. */
export interface Backbone {
  /** As the user named it. */
  readonly name: string;
  readonly config: VitConfig;
  readonly preprocessing: Preprocessing;
  /** By our names; held once and fed to every session. */
  readonly weights: Readonly<Record<string, Tensor<"float32">>>;
  /** What a user should know before trusting results: an interim checkpoint, for example. */
  readonly note?: string;
}

const positive = z.number().int().positive();
const configSchema = z.object({
  model_type: z.string(),
  hidden_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  intermediate_size: positive.optional(),
  mlp_ratio: z.number().positive().optional(),
  hidden_act: z.string().default("gelu"),
  layer_norm_eps: z.number().positive(),
  patch_size: positive,
  image_size: positive,
  num_channels: z.literal(3).default(3),
  qkv_bias: z.boolean().default(true),
  use_swiglu_ffn: z.literal(false).default(false),
  fm_lora_note: z.string().optional(),
});
const triple = z.tuple([z.number(), z.number(), z.number()]);
const side = z.union([
  positive,
  z.object({ height: positive, width: positive }).transform(({ height }) => height),
]);
const preprocessorSchema = z.object({
  size: z.union([side, z.object({ shortest_edge: positive })]).optional(),
  crop_size: side.optional(),
  do_center_crop: z.boolean().default(false),
  image_mean: triple,
  image_std: triple,
  resample: z.union([z.literal(2), z.literal(3)]).default(3), // PIL: 2 bilinear, 3 bicubic
});

/** What the two JSON files say. */
export interface CheckpointConfig {
  readonly family: Family;
  readonly config: VitConfig;
  readonly preprocessing: Preprocessing;
  readonly qkvBias: boolean;
  readonly note?: string;
}

/**
 * Reads config.json and preprocessor_config.json.
 * @param imageSize overrides the size that the files ask for; positions are interpolated
 * @throws InputError for an unsupported architecture or a field that is missing or wrong
 */
export function parseConfig(
  json: unknown,
  preprocessorJson: unknown,
  folder: string,
  imageSize?: number,
): CheckpointConfig {
  const config = check(configSchema, json, `${folder}/config.json`);
  const family = FAMILIES.find(({ modelType }) => modelType === config.model_type);
  if (family === undefined) {
    const known = FAMILIES.map(({ modelType }) => modelType).join(", ");
    throw new InputError(
      `${folder}/config.json: model_type "${config.model_type}" is not supported; supported are ${known}`,
    );
  }
  if (config.hidden_act !== "gelu") {
    throw new InputError(
      `${folder}/config.json: hidden_act "${config.hidden_act}" is not supported; supported is gelu`,
    );
  }
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new InputError(
      `${folder}/config.json: hidden_size ${config.hidden_size} is not a multiple of ${config.num_attention_heads} heads`,
    );
  }
  const preprocessor = check(preprocessorSchema, preprocessorJson, `${folder}/preprocessor_config.json`);
  const preprocessing = preprocessingOf(preprocessor, config.image_size, imageSize);
  if (preprocessing.size % config.patch_size !== 0) {
    throw new InputError(
      `${folder}: image size ${preprocessing.size} is not a multiple of the patch size ${config.patch_size}; pass --image-size with a multiple`,
    );
  }
  return {
    family,
    preprocessing,
    qkvBias: config.qkv_bias,
    ...(config.fm_lora_note === undefined ? {} : { note: config.fm_lora_note }),
    config: {
      imageSize: preprocessing.size,
      patchSize: config.patch_size,
      hiddenSize: config.hidden_size,
      mlpSize: config.intermediate_size ?? Math.round(config.hidden_size * (config.mlp_ratio ?? 4)),
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      layerNormEpsilon: config.layer_norm_eps,
      layerScale: family.layerScale,
      mean: preprocessing.mean,
      std: preprocessing.std,
    },
  };
}

function preprocessingOf(
  file: z.infer<typeof preprocessorSchema>,
  imageSize: number,
  override?: number,
): Preprocessing {
  const shortest = typeof file.size === "object" ? file.size.shortest_edge : file.size;
  const size = (file.do_center_crop ? file.crop_size : undefined) ?? shortest ?? imageSize;
  return {
    size: override ?? size,
    mean: file.image_mean,
    std: file.image_std,
    interpolation: file.resample === 2 ? "bilinear" : "bicubic",
    cropFraction: file.do_center_crop && shortest !== undefined ? size / shortest : null,
  };
}

function check<T extends z.ZodType>(schema: T, json: unknown, file: string): z.infer<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: ${issue!.path.join(".") || "the file"}: ${issue!.message}`);
}

/**
 * Takes the backbone's tensors out of a checkpoint file, under our names and in our layouts.
 * @param read the bytes of one tensor
 * @throws InputError that names a missing or unused tensor, or one whose shape the config contradicts
 */
export function readWeights(
  checkpoint: CheckpointConfig,
  header: SafetensorsHeader,
  read: (name: string, start: number, end: number) => Uint8Array,
  file: string,
): Record<string, Tensor<"float32">> {
  const { family, config } = checkpoint;
  const prefix = family.prefixes.find((p) => header.entries.has(p + family.names.cls!));
  if (prefix === undefined) {
    throw new InputError(
      `${file}: no tensor ${family.names.cls}: not a ${family.modelType} checkpoint; check model_type in config.json`,
    );
  }
  const used = new Set<string>();
  const take = (theirs: string, dims: readonly number[]): Tensor<"float32"> => {
    const name = prefix + theirs;
    const entry = header.entries.get(name);
    if (entry === undefined)
      throw new InputError(`${file}: tensor ${name} is missing; config.json asks for it`);
    const fits =
      entry.dims.length === dims.length && dims.every((dim, i) => dim === -1 || dim === entry.dims[i]);
    if (!fits)
      throw new InputError(`${file}: tensor ${name} is [${entry.dims}], but config.json makes it [${dims}]`);
    used.add(name);
    return decodeFloat32(entry, read(name, entry.start, entry.end));
  };
  const weights: Record<string, Tensor<"float32">> = {};
  for (const [ours, theirs] of Object.entries(family.names)) {
    const perBlock = ours.includes("#");
    for (let block = 0; block < (perBlock ? config.layers : 1); block++) {
      const name = ours.replace("#", `${block}`);
      const dims = dimsOf(ours, config);
      weights[name] =
        !checkpoint.qkvBias && /(query|key|value)\.bias$/.test(ours)
          ? zeroTensor(dims)
          : take(theirs.replace("#", `${block}`), dims);
    }
  }
  const unused = [...header.entries.keys()].filter(
    (name) =>
      !used.has(name) && !family.ignored.test(name.slice(name.startsWith(prefix) ? prefix.length : 0)),
  );
  if (unused.length > 0) {
    throw new InputError(
      `${file}: ${unused.length} tensors that this ${family.modelType} (${config.layers} layers) has no use for, first ${unused[0]}; config.json doesn't match the weights`,
    );
  }
  const grid = weights.position!.dims[1]! - 1;
  if (!Number.isInteger(Math.sqrt(grid))) {
    throw new InputError(
      `${file}: tensor ${prefix}${family.names.position} has ${grid} positions besides CLS, which is no square; other layouts are not supported`,
    );
  }
  return {
    ...weights,
    "patch.weight": patchRows(weights["patch.weight"]!),
    position: interpolatePositions(weights.position!, config.imageSize / config.patchSize),
  };
}

/** Shape of a tensor in the file; -1 where any length will do. */
function dimsOf(name: string, { hiddenSize, mlpSize, patchSize }: VitConfig): readonly number[] {
  if (name === "cls") return [1, 1, hiddenSize];
  if (name === "position") return [1, -1, hiddenSize];
  if (name === "patch.weight") return [hiddenSize, 3, patchSize, patchSize];
  if (name.endsWith("fc1.weight")) return [mlpSize, hiddenSize];
  if (name.endsWith("fc1.bias")) return [mlpSize];
  if (name.endsWith("fc2.weight")) return [hiddenSize, mlpSize];
  return /(query|key|value|output)\.weight$/.test(name) ? [hiddenSize, hiddenSize] : [hiddenSize];
}

/** Convolution kernel [d, 3, p, p] -> rows over pixels as images store them [d, p * p * 3]. */
function patchRows(kernel: Tensor<"float32">): Tensor<"float32"> {
  const [width, channels, side] = kernel.dims as [number, number, number, number];
  const area = side * side;
  const result = new Float32Array(kernel.data.length);
  for (let row = 0; row < width; row++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < area; pixel++) {
        result[(row * area + pixel) * channels + channel] =
          kernel.data[(row * channels + channel) * area + pixel]!;
      }
    }
  }
  return tensor("float32", [width, area * channels], result);
}
