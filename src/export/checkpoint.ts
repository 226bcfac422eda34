/** @file A network with its changes folded in and its classifier, as a checkpoint of the library that it came from. */
import type { HeadClassifier } from "../heads/head.ts";
import type { CheckpointConfig } from "../nn/checkpoint.ts";
import { tokensBeforePatches, type VitConfig } from "../nn/vit.ts";
import { kernelOf } from "../nn/write-checkpoint.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { labelMaps, preprocessorJson } from "./label-files.ts";
import { bareClass, classifierPlace, isTimm } from "./library-names.ts";
import { placedClassifier } from "./linear-layer.ts";

/** A backbone's files as they were read. */
export interface CheckpointSource extends CheckpointConfig {
  /** config.json */
  readonly json: Readonly<Record<string, unknown>>;
  /** `realFields` of config.json. */
  readonly real: ReadonlySet<string>;
}

/** What a classifier adds to a network. */
export interface CheckpointHead {
  readonly classifier: HeadClassifier;
  /** Of its rows. */
  readonly labels: readonly string[];
}

/** Contents of the files. */
export interface CheckpointContents {
  readonly config: object;
  /** None for timm, whose config.json has it. */
  readonly preprocessor: object | undefined;
  readonly tensors: Readonly<Record<string, Tensor>>;
}

type Weights = Readonly<Record<string, Tensor<"float32">>>;

/**
 * Under the names of files, which transformers 4 and 5 both read. Positions are those of the network's image size. A
 * classifier has its place where the library has a class for one; elsewhere the tensors are the bare network's.
 * @param dtype of the numbers, for config.json
 */
export function mergedCheckpoint(
  source: CheckpointSource,
  weights: Weights,
  head: CheckpointHead | undefined,
  dtype: "float32" | "float16",
): CheckpointContents {
  const { preprocessing } = source;
  const place = head === undefined ? undefined : classifierPlace(source);
  const prefix = place?.prefix ?? (source.family.partOf === undefined ? "" : "vision_model.");
  const tensors: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(theirTensors(source, weights))) tensors[prefix + name] = value;
  if (head !== undefined && place !== undefined)
    Object.assign(tensors, placedClassifier(head.classifier, place));
  if (isTimm(source)) return { config: timmConfig(source, head), preprocessor: undefined, tensors };
  return {
    config: transformersConfig(source, head, dtype),
    preprocessor: preprocessorJson(preprocessing),
    tensors,
  };
}

/** Under the library's names, in its layouts. */
function theirTensors(source: CheckpointSource, weights: Weights): Record<string, Tensor> {
  const { family, config, qkvBias } = source;
  const names = { ...family.names, ...(config.gatedMlp ? family.gatedNames : {}) };
  const tensors: Record<string, Tensor> = {};
  for (const [ours, theirs] of Object.entries(names)) {
    if (!qkvBias && /(query|key|value|qkv)\.bias$/.test(ours)) continue;
    for (let block = 0; block < (ours.includes("#") ? config.layers : 1); block++) {
      tensors[theirs.replace("#", `${block}`)] = theirTensor(
        source,
        weights,
        ours.replace("#", `${block}`),
        theirs,
      );
    }
  }
  return tensors;
}

function theirTensor(source: CheckpointSource, weights: Weights, ours: string, theirs: string): Tensor {
  const { config, family } = source;
  const [, at, part] = /^(.+)\.qkv\.(weight|bias)$/.exec(ours) ?? [];
  if (at !== undefined)
    return fused(["query", "key", "value"].map((name) => weights[`${at}.${name}.${part}`]!));
  const value = weights[ours]!;
  if (ours === "patch.weight") return kernelOf(value, config.patchSize);
  const shaped = ours === "position" ? storedPositions(value, config, family.positionsBefore) : value;
  // CLIP's CLS token and the towers' positions have no axis for the batch.
  const flat = theirs.endsWith("class_embedding") ? 2 : theirs.endsWith("position_embedding.weight") ? 1 : 0;
  return { ...shaped, dims: shaped.dims.slice(flat) };
}

/** Rows below each other. */
function fused(parts: readonly Tensor<"float32">[]): Tensor<"float32"> {
  const [first] = parts as [Tensor<"float32">];
  const result = new Float32Array(first.data.length * parts.length);
  for (const [i, { data }] of parts.entries()) result.set(data, i * data.length);
  return tensor("float32", [first.dims[0]! * parts.length, ...first.dims.slice(1)], result);
}

/** Without those of tokens that the file has none for: they are zero. */
function storedPositions(position: Tensor<"float32">, config: VitConfig, before: number): Tensor<"float32"> {
  const [, count, width] = position.dims as [number, number, number];
  const tokens = tokensBeforePatches(config);
  if (tokens === before) return position;
  const result = new Float32Array((before + count - tokens) * width);
  result.set(position.data.subarray(0, before * width));
  result.set(position.data.subarray(tokens * width), before * width);
  return tensor("float32", [1, before + count - tokens, width], result);
}

function transformersConfig(
  source: CheckpointSource,
  head: CheckpointHead | undefined,
  dtype: "float32" | "float16",
): object {
  const { family, json, config } = source;
  const { dtype: _, torch_dtype: __, vision_config: tower, ...whole } = json;
  const own = json.model_type === family.partOf ? (tower as object) : whole;
  const place = classifierPlace(source);
  const classifies = head !== undefined && place !== undefined;
  return {
    ...own,
    architectures: [
      place === undefined ? bareClass(source) : classifies ? place.className : baseClass(place.className),
    ],
    model_type: family.modelType === "vit_mae" ? "vit" : family.modelType,
    image_size: config.imageSize,
    torch_dtype: dtype, // transformers 5 reads it, too
    ...(classifies ? labelMaps(head.labels) : {}),
  };
}

/** "ViTForImageClassification" -> "ViTModel" */
const baseClass = (className: string): string => className.replace(/ForImageClassification$/, "Model");

function timmConfig(
  { json, preprocessing, config }: CheckpointSource,
  head: CheckpointHead | undefined,
): object {
  const { model_args: args, pretrained_cfg: pretrained } = json as Record<string, object>;
  const { size } = preprocessing;
  const classes = head?.labels.length ?? 0;
  return {
    ...json,
    num_classes: classes,
    ...(head === undefined ? {} : { label_names: head.labels }),
    model_args: { ...args, img_size: config.imageSize, num_classes: classes },
    pretrained_cfg: { ...pretrained, num_classes: classes, input_size: [3, size, size], pool_size: null },
  };
}
