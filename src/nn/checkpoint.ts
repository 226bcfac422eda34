/** @file From a Hugging Face folder (config.json, preprocessor_config.json, safetensors) to our ViT. */
import * as z from "zod";
import type { Preprocessing } from "../data/dataset.ts";
import { InputError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Activation } from "./activation.ts";
import { checkPatches, checkPreprocessing, imageSide, normEpsilon } from "./bounds.ts";
import { FAMILIES, type Family } from "./families.ts";
import type { LowRankUpdates } from "./low-rank-update.ts";
import { preprocessingOf, preprocessorSchema } from "./preprocessor.ts";
import type { VitConfig } from "./vit.ts";

/** A frozen pre-trained network. */
export interface Backbone {
  /** As the user named it. */
  readonly name: string;
  readonly config: VitConfig;
  readonly preprocessing: Preprocessing;
  /** By our names. Where matrices were left in their file, `data` reads it anew: take it once. */
  readonly weights: Readonly<Record<string, Tensor<"float32">>>;
  /** Changes that `weights` have already: of the adapter which learning starts from, if there is one. */
  readonly adapter?: LowRankUpdates | undefined;
  /** SHA-256 of the weight files, in hexadecimal, where they came from files: two with the same one are the same. */
  readonly sha256?: string | undefined;
  /** What a user should know of its files, a line each. */
  readonly notices?: readonly string[];
}

/** `hidden_act` -> ours. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  quick_gelu: "quickGelu",
  gelu_pytorch_tanh: "geluTanh",
};

/** Said of a config.json with no name of its network. */
const UNNAMED =
  'expected the network\'s kind, as "vit"; neither model_type (transformers) nor architecture (timm) is there: save the model anew with one of them';

const positive = z.number().int().positive();
const configSchema = z.object({
  hidden_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  intermediate_size: positive.optional(),
  mlp_ratio: z.number().positive().optional(),
  hidden_act: z.string().default("gelu"),
  layer_norm_eps: normEpsilon,
  patch_size: positive,
  image_size: imageSide,
  num_channels: z.literal(3).default(3),
  qkv_bias: z.boolean().default(true),
  use_swiglu_ffn: z.boolean().default(false),
  num_register_tokens: positive.optional(),
});
/** What the two JSON files say. */
export interface CheckpointConfig {
  readonly family: Family;
  readonly config: VitConfig;
  readonly preprocessing: Preprocessing;
  readonly qkvBias: boolean;
}

/**
 * Reads config.json and preprocessor_config.json.
 * @param imageSize overrides the size that the files ask for; positions are interpolated
 * @param preprocessorFile where the second comes from, for messages
 * @throws InputError for an unsupported architecture or a field that is missing or wrong
 */
export function parseConfig(
  json: unknown,
  preprocessorJson: unknown,
  folder: string,
  imageSize?: number,
  preprocessorFile = "preprocessor_config.json",
): CheckpointConfig {
  const file = `${folder}/config.json`;
  const { model_type: modelType } = check(z.object({ model_type: z.string(UNNAMED) }), json, file);
  const family = FAMILIES.find((one) => one.modelType === modelType || one.partOf === modelType);
  if (family === undefined) {
    const known = FAMILIES.flatMap((one) => [one.modelType, one.partOf ?? []].flat()).join(", ");
    throw new InputError(`${file}: model_type "${modelType}" is not supported; supported are ${known}`);
  }
  const own =
    family.partOf === modelType
      ? check(z.object({ vision_config: z.looseObject({}) }), json, file).vision_config
      : (json as object);
  const config = check(configSchema, { ...family.defaults, ...(withoutNulls(own) as object) }, file);
  const activation = Object.hasOwn(ACTIVATIONS, config.hidden_act)
    ? ACTIVATIONS[config.hidden_act]
    : undefined;
  if (activation === undefined) {
    throw new InputError(
      `${file}: hidden_act "${config.hidden_act}" is not supported; supported are ${Object.keys(ACTIVATIONS).join(", ")}`,
    );
  }
  if (config.hidden_size % config.num_attention_heads !== 0) {
    throw new InputError(
      `${file}: hidden_size ${config.hidden_size} is not a multiple of ${config.num_attention_heads} heads`,
    );
  }
  const preprocessing = preprocessingOf(
    check(preprocessorSchema, withoutNulls(preprocessorJson), `${folder}/${preprocessorFile}`),
    config.image_size,
    imageSize,
  );
  checkPreprocessing(`${folder}/${preprocessorFile}`, preprocessing);
  checkPatches(folder, preprocessing.size, config.patch_size);
  return {
    family,
    preprocessing,
    qkvBias: config.qkv_bias,
    config: {
      imageSize: preprocessing.size,
      patchSize: config.patch_size,
      hiddenSize: config.hidden_size,
      mlpSize: mlpSizeOf(config),
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      layerNormEpsilon: config.layer_norm_eps,
      layerScale: family.layerScale,
      ...networkOf(family, config, activation),
      mean: preprocessing.mean,
      std: preprocessing.std,
    },
  };
}

/** What differs from the plain ViT. */
function networkOf(
  family: Family,
  config: z.infer<typeof configSchema>,
  activation: Activation,
): Partial<VitConfig> {
  const { extraTokens = 0 } = family;
  const gatedMlp = config.use_swiglu_ffn && family.gatedNames !== undefined;
  return {
    extraTokens: typeof extraTokens === "number" ? extraTokens : config[extraTokens]!,
    activation: gatedMlp ? "silu" : activation,
    gatedMlp,
    pooling: family.names["pool.probe"] === undefined ? "cls" : "attention",
    preNorm: family.names["preNorm.weight"] !== undefined,
  };
}

/** Two thirds where the MLP is gated, rounded up to a multiple of 8. */
function mlpSizeOf(config: z.infer<typeof configSchema>): number {
  const size = config.intermediate_size ?? Math.round(config.hidden_size * (config.mlp_ratio ?? 4));
  return config.use_swiglu_ffn ? Math.ceil(Math.floor((size * 2) / 3) / 8) * 8 : size;
}

/** Fast image processors of transformers write null for what they leave to others: the same as leaving it out. */
function withoutNulls(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => value !== null));
}

/** The JSON as the schema has it. @throws InputError that names file and field */
export function check<T extends z.ZodType>(schema: T, json: unknown, file: string): z.infer<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: ${issue!.path.join(".") || "the file"}: ${issue!.message}`);
}
