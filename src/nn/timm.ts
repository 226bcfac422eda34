/** @file timm's checkpoints: the architecture's name and the tensors themselves say what config.json doesn't. */
import * as z from "zod";
import type { Preprocessing } from "../data/dataset.ts";
import { InputError } from "../tensor/errors.ts";
import type { SafetensorsHeader } from "../tensor/safetensors.ts";
import type { Activation } from "./activation.ts";
import { checkPatches, checkPreprocessing } from "./bounds.ts";
import { type CheckpointConfig, check } from "./checkpoint.ts";
import { type Family, layer } from "./families.ts";

const positive = z.number().int().positive();
const triple = z.tuple([z.number(), z.number(), z.number()]);
const timmSchema = z.object({
  architecture: z.string(
    'expected timm\'s name of the network, as "vit_base_patch16_224"; add it, or save the model anew with timm (save_for_hf)',
  ),
  global_pool: z.string().optional(),
  model_args: z
    .object({
      num_heads: positive.optional(),
      reg_tokens: z.number().int().nonnegative().optional(),
      act_layer: z.string().optional(),
      global_pool: z.string().optional(),
    })
    .default({}),
  pretrained_cfg: z.object({
    input_size: z.tuple([z.literal(3), positive, positive]),
    interpolation: z.enum(["bicubic", "bilinear"]).default("bicubic"),
    crop_pct: z.number().positive().max(1).nullable().default(0.875),
    crop_mode: z.enum(["center", "squash"]).default("center"),
    mean: triple,
    std: triple,
  }),
});

/** Widths whose heads aren't 64 wide: huge, giant, gigantic and so400m all have 16 heads. */
const SIXTEEN_HEADS = [1152, 1280, 1408, 1664];

const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: "gelu",
  gelu_tanh: "geluTanh",
  quick_gelu: "quickGelu",
};

/** Fields that timm's config.json has, and transformers' has not. */
const TIMM_FIELDS = ["architecture", "pretrained_cfg", "model_args"];

/** True for the config.json of timm, which names an architecture where transformers has a model_type. */
export const isTimmConfig = (json: unknown): boolean =>
  typeof json === "object" &&
  json !== null &&
  !("model_type" in json) &&
  TIMM_FIELDS.some((field) => field in json);

/** The fields of config.json. @throws InputError for an unsupported architecture, or a field that is missing or wrong */
export function timmArchitecture(json: unknown, folder: string): z.infer<typeof timmSchema> {
  const where = `${folder}/config.json`;
  const config = check(timmSchema, json, where);
  const { architecture, model_args: args } = config;
  if (!/^(vit|deit|deit3|dino\w*)_/.test(architecture)) {
    throw new InputError(
      `${where}: architecture "${architecture}" is not supported; supported of timm are vit_*, deit* and dino*`,
    );
  }
  const pool = args.global_pool ?? config.global_pool ?? "token";
  if (pool !== "token" && pool !== "") {
    throw new InputError(
      `${where}: global_pool "${pool}" is not supported; supported is token: features are those of the CLS token`,
    );
  }
  return config;
}

/**
 * Reads timm's config.json; shapes come from the tensors.
 * @param file the weights, for messages
 * @param imageSize overrides the size that config.json asks for; positions are interpolated
 * @throws InputError for an unsupported architecture or a field that is missing or wrong
 */
export function parseTimmConfig(
  json: unknown,
  header: SafetensorsHeader,
  folder: string,
  file: string,
  imageSize?: number,
): CheckpointConfig {
  const where = `${folder}/config.json`;
  const config = timmArchitecture(json, folder);
  const { architecture, model_args: args } = config;
  const act = args.act_layer ?? (architecture.includes("quickgelu") ? "quick_gelu" : "gelu");
  const dims = (name: string, rank: number): readonly number[] => {
    const found = header.entries.get(name)?.dims;
    if (found?.length === rank) return found;
    throw new InputError(
      found === undefined
        ? `${file}: tensor ${name} is missing; ${architecture} has one`
        : `${file}: tensor ${name} is [${found}], which has not ${rank} axes as ${architecture}'s`,
    );
  };
  const [hiddenSize, , , patchSize] = dims("patch_embed.proj.weight", 4) as [number, number, number, number];
  const [, mlpSize] = dims("blocks.0.mlp.fc2.weight", 2) as [number, number];
  const gatedMlp = dims("blocks.0.mlp.fc1.weight", 2)[0] === 2 * mlpSize;
  if (!gatedMlp && !Object.hasOwn(ACTIVATIONS, act)) {
    throw new InputError(
      `${where}: act_layer "${act}" is not supported; supported are ${Object.keys(ACTIVATIONS).join(", ")}`,
    );
  }
  const heads = args.num_heads ?? (SIXTEEN_HEADS.includes(hiddenSize) ? 16 : hiddenSize / 64);
  if (!Number.isInteger(hiddenSize / heads) || !Number.isInteger(heads)) {
    throw new InputError(
      `${where}: ${architecture} is ${hiddenSize} wide, and ${heads} heads don't divide it; say model_args.num_heads`,
    );
  }
  const preprocessing = preprocessingOf(config.pretrained_cfg, where, imageSize);
  checkPreprocessing(where, preprocessing);
  checkPatches(folder, preprocessing.size, patchSize);
  // What the name promises is not left out silently, should the file lack it.
  const promised = [
    ...(architecture.includes("_distilled") ? ["dist_token"] : []),
    ...((args.reg_tokens ?? Number(/_reg(\d+)(?:_|$)/.exec(architecture)?.[1] ?? 0)) > 0
      ? ["reg_token"]
      : []),
  ];
  const extra = promised[0] ?? ["dist_token", "reg_token"].find((name) => header.entries.has(name));
  const extraTokens = extra === undefined ? 0 : dims(extra, 3)[1]!;
  const family = timmFamily(header, architecture, extra, dims("pos_embed", 3)[1]!, 1 + extraTokens);
  const blocks = [...header.entries.keys()].map((name) => Number(/^blocks\.(\d+)\./.exec(name)?.[1] ?? -1));
  return {
    family,
    preprocessing,
    qkvBias: [...header.entries.keys()].some((name) => name.endsWith(".attn.qkv.bias")),
    config: {
      imageSize: preprocessing.size,
      patchSize,
      hiddenSize,
      mlpSize,
      heads,
      gatedMlp,
      extraTokens,
      layers: 1 + blocks.reduce((a, b) => Math.max(a, b), 0),
      layerNormEpsilon: architecture.includes("_clip_") ? 1e-5 : 1e-6,
      layerScale: family.layerScale,
      activation: gatedMlp ? "silu" : ACTIVATIONS[act]!,
      preNorm: family.names["preNorm.weight"] !== undefined,
      mean: preprocessing.mean,
      std: preprocessing.std,
    },
  };
}

/** The rules for one file: parts that it doesn't have get no name. */
function timmFamily(
  header: SafetensorsHeader,
  architecture: string,
  extra: string | undefined,
  positions: number,
  tokens: number,
): Family {
  const layerScale = header.entries.has("blocks.0.ls1.gamma");
  // timm's patches have a bias or a norm after them; CLIP's have the norm.
  const preNorm =
    architecture.includes("_clip_") ||
    ["weight", "bias"].some((part) => header.entries.has(`norm_pre.${part}`));
  const optional = (ours: string, theirs: string): Record<string, string> =>
    header.entries.has(theirs.replace("#", "0")) ? { [ours]: theirs } : {};
  return {
    modelType: architecture,
    prefixes: [""],
    names: {
      cls: "cls_token",
      ...(extra === undefined ? {} : { extra }),
      position: "pos_embed",
      "patch.weight": "patch_embed.proj.weight",
      ...(preNorm
        ? { ...layer("preNorm", "norm_pre"), ...optional("patch.bias", "patch_embed.proj.bias") }
        : { "patch.bias": "patch_embed.proj.bias" }),
      ...layer("blocks.#.norm1", "blocks.#.norm1"),
      "blocks.#.qkv.weight": "blocks.#.attn.qkv.weight",
      "blocks.#.qkv.bias": "blocks.#.attn.qkv.bias",
      ...layer("blocks.#.output", "blocks.#.attn.proj"),
      ...optional("blocks.#.scale1", "blocks.#.ls1.gamma"),
      ...layer("blocks.#.norm2", "blocks.#.norm2"),
      ...layer("blocks.#.fc1", "blocks.#.mlp.fc1"),
      ...layer("blocks.#.fc2", "blocks.#.mlp.fc2"),
      ...optional("blocks.#.scale2", "blocks.#.ls2.gamma"),
      ...layer("norm", "norm"),
    },
    ignored: /^(head|head_dist|mask_token|pre_logits)\b/,
    layerScale,
    defaults: {},
    // DeiT III and DINOv2 with registers have positions for the grid alone (no_embed_class), which is a square.
    positionsBefore: Number.isInteger(Math.sqrt(positions)) ? 0 : tokens,
    antialias: true,
  };
}

function preprocessingOf(
  file: z.infer<typeof timmSchema>["pretrained_cfg"],
  where: string,
  override?: number,
): Preprocessing {
  const [, height, width] = file.input_size;
  if (height !== width) {
    throw new InputError(
      `${where}: pretrained_cfg.input_size is ${height} x ${width}; supported are square images`,
    );
  }
  return {
    size: override ?? height,
    mean: file.mean,
    std: file.std,
    interpolation: file.interpolation,
    cropFraction: file.crop_mode === "squash" ? null : (file.crop_pct ?? 0.875),
  };
}
