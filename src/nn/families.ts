/** @file Checkpoint families: how each names its tensors. A new family is one entry of `FAMILIES`. */

/** Names of one family's tensors; `#` stands for the block. What a family has no name for, its network has not. */
export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** `model_type` of larger models that hold this one, with its configuration under "vision_config". */
  readonly partOf?: string;
  /** Prefixes that heads on top of the backbone add ("vit." in ViTForImageClassification). */
  readonly prefixes: readonly string[];
  /** Our name -> the checkpoint's. */
  readonly names: Readonly<Record<string, string>>;
  /** Instead of these where the MLP is gated (SwiGLU). */
  readonly gatedNames?: Readonly<Record<string, string>>;
  /** Tensors that features don't need: heads, poolers, mask tokens. */
  readonly ignored: RegExp;
  readonly layerScale: boolean;
  /** What config.json may leave out, because the library's own configuration does. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Tokens between CLS and the patches; a text is the field of config.json that has their number. */
  readonly extraTokens?: number | "num_register_tokens";
  /** Positions in the file before the patch grid's. */
  readonly positionsBefore: number;
  /** Positions are resized with antialiasing. */
  readonly antialias: boolean;
}

const embeddings = {
  cls: "embeddings.cls_token",
  position: "embeddings.position_embeddings",
  "patch.weight": "embeddings.patch_embeddings.projection.weight",
  "patch.bias": "embeddings.patch_embeddings.projection.bias",
};

/** Weight and bias of a layer. */
export const layer = (ours: string, theirs: string): Record<string, string> => ({
  [`${ours}.weight`]: `${theirs}.weight`,
  [`${ours}.bias`]: `${theirs}.bias`,
});

const attention = {
  ...layer("blocks.#.query", "encoder.layer.#.attention.attention.query"),
  ...layer("blocks.#.key", "encoder.layer.#.attention.attention.key"),
  ...layer("blocks.#.value", "encoder.layer.#.attention.attention.value"),
  ...layer("blocks.#.output", "encoder.layer.#.attention.output.dense"),
};

const vit: Family = {
  modelType: "vit",
  prefixes: ["", "vit."],
  names: {
    ...embeddings,
    ...attention,
    ...layer("blocks.#.norm1", "encoder.layer.#.layernorm_before"),
    ...layer("blocks.#.norm2", "encoder.layer.#.layernorm_after"),
    ...layer("blocks.#.fc1", "encoder.layer.#.intermediate.dense"),
    ...layer("blocks.#.fc2", "encoder.layer.#.output.dense"),
    ...layer("norm", "layernorm"),
  },
  ignored: /^(pooler|classifier|decoder|embeddings\.mask_token)/,
  layerScale: false,
  defaults: { layer_norm_eps: 1e-12 },
  positionsBefore: 1,
  antialias: false,
};

const dinov2: Family = {
  modelType: "dinov2",
  prefixes: ["", "dinov2."],
  names: {
    ...embeddings,
    ...attention,
    ...layer("blocks.#.norm1", "encoder.layer.#.norm1"),
    ...layer("blocks.#.norm2", "encoder.layer.#.norm2"),
    ...layer("blocks.#.fc1", "encoder.layer.#.mlp.fc1"),
    ...layer("blocks.#.fc2", "encoder.layer.#.mlp.fc2"),
    ...layer("norm", "layernorm"),
    "blocks.#.scale1": "encoder.layer.#.layer_scale1.lambda1",
    "blocks.#.scale2": "encoder.layer.#.layer_scale2.lambda1",
  },
  gatedNames: {
    ...layer("blocks.#.fc1", "encoder.layer.#.mlp.weights_in"),
    ...layer("blocks.#.fc2", "encoder.layer.#.mlp.weights_out"),
  },
  ignored: /^(classifier|embeddings\.mask_token)/,
  layerScale: true,
  defaults: { layer_norm_eps: 1e-6 },
  positionsBefore: 1,
  antialias: false,
};

/** What the vision towers of CLIP and SigLIP share. */
const tower = {
  position: "embeddings.position_embedding.weight",
  "patch.weight": "embeddings.patch_embedding.weight",
  ...layer("blocks.#.norm1", "encoder.layers.#.layer_norm1"),
  ...layer("blocks.#.query", "encoder.layers.#.self_attn.q_proj"),
  ...layer("blocks.#.key", "encoder.layers.#.self_attn.k_proj"),
  ...layer("blocks.#.value", "encoder.layers.#.self_attn.v_proj"),
  ...layer("blocks.#.output", "encoder.layers.#.self_attn.out_proj"),
  ...layer("blocks.#.norm2", "encoder.layers.#.layer_norm2"),
  ...layer("blocks.#.fc1", "encoder.layers.#.mlp.fc1"),
  ...layer("blocks.#.fc2", "encoder.layers.#.mlp.fc2"),
  ...layer("norm", "post_layernorm"),
};

const towerDefaults = {
  hidden_size: 768,
  intermediate_size: 3072,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  image_size: 224,
};

const clip: Family = {
  modelType: "clip_vision_model",
  partOf: "clip",
  prefixes: ["", "vision_model."],
  names: {
    cls: "embeddings.class_embedding",
    ...tower,
    ...layer("preNorm", "pre_layrnorm"), // their spelling
  },
  ignored:
    /^(text_model|text_projection|visual_projection|logit_scale|logit_bias|classifier|embeddings\.position_ids)\b/,
  layerScale: false,
  defaults: { ...towerDefaults, patch_size: 32, hidden_act: "quick_gelu", layer_norm_eps: 1e-5 },
  positionsBefore: 1,
  antialias: false,
};

/** All families of Hugging Face's transformers that we read; timm's names are in timm.ts. */
export const FAMILIES: readonly Family[] = [
  vit,
  dinov2,
  {
    ...vit,
    modelType: "deit",
    prefixes: ["", "deit."],
    names: { ...vit.names, extra: "embeddings.distillation_token" },
    ignored: /^(pooler|classifier|cls_classifier|distillation_classifier|decoder|embeddings\.mask_token)/,
    extraTokens: 1,
    positionsBefore: 2,
  },
  {
    ...dinov2,
    modelType: "dinov2_with_registers",
    prefixes: ["", "dinov2_with_registers."],
    names: { ...dinov2.names, extra: "embeddings.register_tokens" },
    defaults: { layer_norm_eps: 1e-6, num_register_tokens: 4 },
    extraTokens: "num_register_tokens",
    antialias: true,
  },
  clip,
  {
    ...clip,
    modelType: "siglip_vision_model",
    partOf: "siglip",
    names: {
      ...tower,
      "patch.bias": "embeddings.patch_embedding.bias",
      "pool.probe": "head.probe",
      "pool.qkv.weight": "head.attention.in_proj_weight",
      "pool.qkv.bias": "head.attention.in_proj_bias",
      ...layer("pool.output", "head.attention.out_proj"),
      ...layer("pool.norm", "head.layernorm"),
      ...layer("pool.fc1", "head.mlp.fc1"),
      ...layer("pool.fc2", "head.mlp.fc2"),
    },
    defaults: { ...towerDefaults, patch_size: 16, hidden_act: "gelu_pytorch_tanh", layer_norm_eps: 1e-6 },
    positionsBefore: 0,
  },
  {
    ...vit,
    modelType: "vit_mae",
    ignored: /^(pooler|decoder|mask_token|embeddings\.mask_token)/, // all patches are fed: nothing is masked
  },
];
