/** @file Checkpoint families: how each names its tensors. A new family is one entry of `FAMILIES`. */

/** Names of one family's tensors; `#` stands for the block. */
export interface Family {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Prefixes that heads on top of the backbone add ("vit." in ViTForImageClassification). */
  readonly prefixes: readonly string[];
  /** Our name -> the checkpoint's. */
  readonly names: Readonly<Record<string, string>>;
  /** Tensors that features don't need: heads, poolers, mask tokens. */
  readonly ignored: RegExp;
  readonly layerScale: boolean;
}

const embeddings = {
  cls: "embeddings.cls_token",
  position: "embeddings.position_embeddings",
  "patch.weight": "embeddings.patch_embeddings.projection.weight",
  "patch.bias": "embeddings.patch_embeddings.projection.bias",
};

/** Weight and bias of a layer. */
const layer = (ours: string, theirs: string): Record<string, string> => ({
  [`${ours}.weight`]: `${theirs}.weight`,
  [`${ours}.bias`]: `${theirs}.bias`,
});

const attention = {
  ...layer("blocks.#.query", "encoder.layer.#.attention.attention.query"),
  ...layer("blocks.#.key", "encoder.layer.#.attention.attention.key"),
  ...layer("blocks.#.value", "encoder.layer.#.attention.attention.value"),
  ...layer("blocks.#.output", "encoder.layer.#.attention.output.dense"),
};

/** All supported families. */
export const FAMILIES: readonly Family[] = [
  {
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
    ignored: /^(pooler|classifier|embeddings\.mask_token)/,
    layerScale: false,
  },
  {
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
    ignored: /^(classifier|embeddings\.mask_token)/,
    layerScale: true,
  },
];
