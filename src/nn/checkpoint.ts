/** @file From a Hugging Face folder (config.json, preprocessor_config.json, safetensors) to our ViT. */
import * as z from "zod";
import type { Preprocessing } from "../data/dataset.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Activation } from "./activation.ts";
import { FAMILIES, type Family } from "./families.ts";
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
  /** SHA-256 of the weight files, in hexadecimal, where they came from files: two with the same one are the same. */
  readonly sha256?: string | undefined;
}

/** `hidden_act` -> ours. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  quick_gelu: "quickGelu",
  gelu_pytorch_tanh: "geluTanh",
};

const positive = z.number().int().positive();
const configSchema = z.object({
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
  const { model_type: modelType } = check(z.object({ model_type: z.string() }), json, file);
  const family = FAMILIES.find((one) => one.modelType === modelType || one.partOf === modelType);
  if (family === undefined) {
    const known = FAMILIES.flatMap((one) => [one.modelType, one.partOf ?? []].flat()).join(", ");
    throw new InputError(`${file}: model_type "${modelType}" is not supported; supported are ${known}`);
  }
  const own =
    family.partOf === modelType
      ? check(z.object({ vision_config: z.looseObject({}) }), json, file).vision_config
      : (json as object);
  const config = check(configSchema, { ...family.defaults, ...own }, file);
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
    check(preprocessorSchema, preprocessorJson, `${folder}/${preprocessorFile}`),
    config.image_size,
    imageSize,
  );
  if (preprocessing.size % config.patch_size !== 0) {
    throw new InputError(
      `${folder}: image size ${preprocessing.size} is not a multiple of the patch size ${config.patch_size}; pass ${optionText("imageSize")} with a multiple`,
    );
  }
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

/** The JSON as the schema has it. @throws InputError that names file and field */
export function check<T extends z.ZodType>(schema: T, json: unknown, file: string): z.infer<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InputError(`${file}: ${issue!.path.join(".") || "the file"}: ${issue!.message}`);
}
