/** @file A plain ViT as the files that transformers' ViTModel reads, and `parseConfig` and `readWeights` read back. */
import type { Preprocessing } from "../data/dataset.ts";
import { encodeSafetensors } from "../tensor/safetensors.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { FAMILIES } from "./families.ts";
import type { VitConfig } from "./vit.ts";

const VIT = FAMILIES.find((family) => family.modelType === "vit")!;

/** Contents of the three files by name. */
export interface CheckpointFiles {
  readonly config: object;
  readonly preprocessor: object;
  /** safetensors, half precision. */
  readonly weights: Uint8Array;
}

/** Whether a network has nothing that a plain ViT of transformers lacks. */
export function isPlainVit(config: VitConfig): boolean {
  const { layerScale, extraTokens = 0, activation = "gelu", gatedMlp, preNorm, pooling = "cls" } = config;
  return (
    !layerScale && extraTokens === 0 && activation === "gelu" && !gatedMlp && !preNorm && pooling === "cls"
  );
}

/** The files of a plain ViT. `weights` may hold more than the network's. @throws if it isn't one */
export function checkpointFiles(
  config: VitConfig,
  preprocessing: Preprocessing,
  weights: Readonly<Record<string, Tensor<"float32">>>,
): CheckpointFiles {
  if (!isPlainVit(config)) throw new Error("checkpointFiles: only a plain ViT can be written");
  return {
    config: configJson(config),
    preprocessor: preprocessorJson(preprocessing),
    weights: encodeSafetensors(theirTensors(config, weights), { format: "pt" }, { half: true }),
  };
}

/** Under transformers' names, in its layouts. */
function theirTensors(
  { layers, patchSize }: VitConfig,
  weights: Readonly<Record<string, Tensor<"float32">>>,
): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [ours, theirs] of Object.entries(VIT.names)) {
    for (let block = 0; block < (ours.includes("#") ? layers : 1); block++) {
      const value = weights[ours.replace("#", `${block}`)]!;
      tensors[theirs.replace("#", `${block}`)] = ours === "patch.weight" ? kernelOf(value, patchSize) : value;
    }
  }
  return tensors;
}

/** Rows over pixels as images store them [d, p * p * 3] -> convolution kernel [d, 3, p, p]. */
export function kernelOf(rows: Tensor<"float32">, side: number): Tensor<"float32"> {
  const [width, length] = rows.dims as [number, number];
  const area = side * side;
  const channels = length / area;
  const result = new Float32Array(rows.data.length);
  for (let row = 0; row < width; row++) {
    for (let pixel = 0; pixel < area; pixel++) {
      for (let channel = 0; channel < channels; channel++) {
        result[(row * channels + channel) * area + pixel] =
          rows.data[(row * area + pixel) * channels + channel]!;
      }
    }
  }
  return tensor("float32", [width, channels, side, side], result);
}

const configJson = (config: VitConfig) => ({
  architectures: ["ViTModel"],
  model_type: "vit",
  hidden_size: config.hiddenSize,
  num_hidden_layers: config.layers,
  num_attention_heads: config.heads,
  intermediate_size: config.mlpSize,
  hidden_act: "gelu",
  layer_norm_eps: config.layerNormEpsilon,
  image_size: config.imageSize,
  patch_size: config.patchSize,
  num_channels: 3,
  qkv_bias: true,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
  initializer_range: 0.02,
  torch_dtype: "float16",
});

const preprocessorJson = ({ size, mean, std, interpolation }: Preprocessing) => ({
  image_processor_type: "ViTImageProcessor",
  do_resize: true,
  size: { height: size, width: size },
  resample: interpolation === "bicubic" ? 3 : 2, // PIL's numbers
  do_rescale: true,
  rescale_factor: 1 / 255,
  do_normalize: true,
  image_mean: mean,
  image_std: std,
});
