/** @file What transformers 4, transformers 5 and timm call a layer, and their class with a classifier. */
import type { CheckpointConfig } from "../nn/checkpoint.ts";

/** Where a model of another library keeps its classifier, and what that sees. */
export interface ClassifierPlace {
  /** transformers' class, or timm's function. */
  readonly className: string;
  /** Path of its linear layer. */
  readonly layer: string;
  /** Path of the backbone inside of it: "vit." */
  readonly prefix: string;
  /** "cls": CLS alone; "cls and patches": CLS, then the mean of the patches. */
  readonly input: "cls" | "cls and patches";
  /** Another layer, on another token, whose scores are averaged with its. */
  readonly averagedWith?: string;
}

/** A layer in another library; `rows` of its output are ours. */
export interface NamedLayer {
  readonly path: string;
  /** Part of the output where the library has several of our layers in one, or one of ours in several. */
  readonly part?: { readonly index: number; readonly of: number; readonly whole: "theirs" | "ours" };
}

const PLACES: Readonly<Record<string, ClassifierPlace>> = {
  vit: { className: "ViTForImageClassification", layer: "classifier", prefix: "vit.", input: "cls" },
  // There is no class for it; an encoder of MAE is a ViT.
  vit_mae: { className: "ViTForImageClassification", layer: "classifier", prefix: "vit.", input: "cls" },
  deit: { className: "DeiTForImageClassification", layer: "classifier", prefix: "deit.", input: "cls" },
  dinov2: {
    className: "Dinov2ForImageClassification",
    layer: "classifier",
    prefix: "dinov2.",
    input: "cls and patches",
  },
  dinov2_with_registers: {
    className: "Dinov2WithRegistersForImageClassification",
    layer: "classifier",
    prefix: "dinov2_with_registers.",
    input: "cls and patches",
  },
};

/** Whether a checkpoint is timm's: its names are. */
export const isTimm = ({ family }: Pick<CheckpointConfig, "family">): boolean =>
  family.names["blocks.#.qkv.weight"] !== undefined;

/** Where the classifier goes; undefined for families whose classes average patches instead (CLIP, SigLIP). */
export function classifierPlace(checkpoint: CheckpointConfig): ClassifierPlace | undefined {
  if (isTimm(checkpoint)) {
    const distilled = checkpoint.family.names.extra === "dist_token" ? { averagedWith: "head_dist" } : {};
    return { className: "timm.create_model", layer: "head", prefix: "", input: "cls", ...distilled };
  }
  return PLACES[checkpoint.family.modelType];
}

/** The class without a classifier. */
export const bareClass = ({ family }: CheckpointConfig): string =>
  family.modelType === "siglip_vision_model" ? "SiglipVisionModel" : "CLIPVisionModel";

/** Our layers of a block in transformers 5, where its names are not those of files. */
const SELF = { query: "q_proj", key: "k_proj", value: "v_proj", output: "o_proj" } as const;

/**
 * All that a layer ("blocks.3.query") is called in the versions of its library, first as in files. Several where one
 * layer of ours is several of theirs.
 */
export function layerNames(checkpoint: CheckpointConfig, layer: string): NamedLayer[] {
  const { family, config } = checkpoint;
  const [, block = "", name = ""] = /^blocks\.(\d+)\.(\w+)$/.exec(layer) ?? [];
  if (isTimm(checkpoint)) return [timmLayer(checkpoint, block, name)];
  const names = { ...family.names, ...(config.gatedMlp ? family.gatedNames : {}) };
  const stored = names[`blocks.#.${name}.weight`]!.replace("#", block).replace(/\.weight$/, "");
  if (family.partOf !== undefined) return [{ path: `vision_model.${stored}` }, { path: stored }];
  const prefix = classifierPlace(checkpoint)?.prefix ?? "";
  return [
    { path: prefix + stored },
    ...newNames(checkpoint, block, name).map((each) => ({ ...each, path: prefix + each.path })),
  ];
}

function newNames({ family, config }: CheckpointConfig, block: string, name: string): NamedLayer[] {
  const dinov2 = family.modelType.startsWith("dinov2");
  const at = dinov2 ? `encoder.layer.${block}` : `layers.${block}`;
  if (name in SELF) return [{ path: `${at}.attention.${SELF[name as keyof typeof SELF]}` }];
  if (!config.gatedMlp) return dinov2 ? [] : [{ path: `${at}.mlp.${name}` }];
  if (name === "fc2") return [{ path: `${at}.mlp.down_proj` }];
  return ["gate_proj", "up_proj"].map((own, index) => ({
    path: `${at}.mlp.${own}`,
    part: { index, of: 2, whole: "ours" },
  }));
}

function timmLayer({ family }: CheckpointConfig, block: string, name: string): NamedLayer {
  const index = ["query", "key", "value"].indexOf(name);
  const theirs = family.names[`blocks.#.${index < 0 ? name : "qkv"}.weight`]!;
  const path = theirs.replace("#", block).replace(/\.weight$/, "");
  return index < 0 ? { path } : { path, part: { index, of: 3, whole: "theirs" } };
}
