/** @file A small random ViT as transformers would save it: checks of methods and runs need no real weights. */
import type { Backbone } from "../nn/checkpoint.ts";
import { backboneFrom } from "../nn/checkpoint-files.ts";
import { FAMILIES } from "../nn/families.ts";
import { Rng } from "../tensor/rng.ts";
import { encodeSafetensors } from "../tensor/safetensors.ts";
import { sizeOf, type Tensor, tensor } from "../tensor/tensor.ts";

/** Shape of the network. */
export interface TinyShape {
  readonly imageSize?: number;
  readonly patchSize?: number;
  readonly width?: number;
  readonly layers?: number;
}

/** The three files of a checkpoint folder, as transformers would save it. */
export function tinyCheckpoint({ imageSize = 32, patchSize = 8, width = 32, layers = 2 }: TinyShape = {}) {
  const config = {
    model_type: "vit",
    hidden_size: width,
    num_hidden_layers: layers,
    num_attention_heads: 2,
    intermediate_size: 2 * width,
    layer_norm_eps: 1e-6,
    patch_size: patchSize,
    image_size: imageSize,
  };
  const preprocessor = {
    size: { height: imageSize, width: imageSize },
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.25, 0.25, 0.25],
  };
  const patches = (imageSize / patchSize) ** 2;
  const dimsOf = (name: string): number[] => {
    if (name === "cls") return [1, 1, width];
    if (name === "position") return [1, 1 + patches, width];
    if (name === "patch.weight") return [width, 3, patchSize, patchSize];
    if (name.endsWith("fc1.weight")) return [2 * width, width];
    if (name.endsWith("fc1.bias")) return [2 * width];
    if (name.endsWith("fc2.weight")) return [width, 2 * width];
    return /(query|key|value|output)\.weight$/.test(name) ? [width, width] : [width];
  };
  const tensors: Record<string, Tensor> = {};
  for (const [ours, theirs] of Object.entries(FAMILIES.find(({ modelType }) => modelType === "vit")!.names)) {
    for (let block = 0; block < (ours.includes("#") ? layers : 1); block++) {
      const name = theirs.replace("#", `${block}`);
      tensors[name] = randomWeight(name, ours, dimsOf(ours));
    }
  }
  return { config, preprocessor, weights: encodeSafetensors(tensors) };
}

/** Norms near 1, biases small, matrices by fan-in. */
function randomWeight(name: string, ours: string, dims: readonly number[]): Tensor<"float32"> {
  const rng = Rng.at("tiny", name);
  const isNorm = ours.includes("norm") && ours.endsWith("weight");
  const fanIn = sizeOf(dims) / dims[0]!;
  const deviation = dims.length === 1 ? 0.05 : ours === "cls" || ours === "position" ? 0.3 : fanIn ** -0.5;
  const draw = (): number => Number(isNorm) + deviation * rng.normal();
  return tensor("float32", dims, Float32Array.from({ length: sizeOf(dims) }, draw));
}

/** A small random ViT: checks of methods need no real weights. */
export function tinyBackbone(shape: TinyShape = {}): Backbone {
  const { config, preprocessor, weights } = tinyCheckpoint(shape);
  const files = { json: config, preprocessor: () => [preprocessor, "preprocessor_config.json"] as const };
  return backboneFrom({ ...files, weights, folder: "tiny" }, { name: "tiny" });
}
