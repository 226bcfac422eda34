/** @file Reads a backbone from a folder. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Backbone, CheckpointConfig } from "../../nn/checkpoint.ts";
import { type CheckpointParser, checkpointParser } from "../../nn/checkpoint-files.ts";
import { countWeights, readWeights } from "../../nn/read-weights.ts";
import { isTimmConfig, timmArchitecture } from "../../nn/timm.ts";
import { readTextSync } from "../files/read.ts";
import { openWeights, readJson, weightsDigest } from "./weight-files.ts";

/** The files beside the weights. */
export const CONFIG = "config.json";
export const PREPROCESSOR = "preprocessor_config.json";
/** Instead of it, or with more in it, where transformers 5 wrote the folder. */
export const PROCESSOR = "processor_config.json";

/**
 * Loads config.json, preprocessor_config.json (or the image processor in processor_config.json; timm's config.json has
 * that inside) and model.safetensors, or the files that model.safetensors.index.json names.
 * @throws InputError in one line for a missing, truncated or contradictory file
 */
export function loadBackbone(
  folder: string,
  {
    name = folder,
    imageSize,
    stored = false,
  }: {
    readonly name?: string;
    /** Overrides the checkpoint's input size. */
    readonly imageSize?: number | undefined;
    /** Leaves the blocks' matrices in their file, which has to stay: for 8 bits, which hold rounded ones. */
    readonly stored?: boolean;
  } = {},
): Backbone {
  const parse = parserOf(folder, imageSize);
  const { header, read, file, notices } = openWeights(folder);
  const checkpoint = parse(header, file);
  const { config, preprocessing } = checkpoint;
  const weights = readWeights(checkpoint, header, read, file, { stored });
  let sha256: string | undefined;
  return {
    name,
    config,
    preprocessing,
    weights,
    notices,
    get sha256() {
      sha256 ??= weightsDigest(folder); // read once more, and only where somebody asks
      return sha256;
    },
  };
}

/** What a folder holds, without reading its weights. */
export interface BackboneFacts {
  /** transformers' model_type, or timm's architecture. */
  readonly family: string;
  readonly config: CheckpointConfig["config"];
  /** Numbers that features need: heads and text towers are left out. */
  readonly parameters: number;
}

/** Reads and checks everything but the weights' bytes. @throws InputError as `loadBackbone` does */
export function describeBackbone(folder: string): BackboneFacts {
  const parse = parserOf(folder);
  const { header, file } = openWeights(folder);
  const checkpoint = parse(header, file);
  const { family, config } = checkpoint;
  return { family: family.modelType, config, parameters: countWeights(checkpoint, header, file) };
}

/** config.json, as it is and as it was understood. @throws InputError as `loadBackbone` does */
export function readCheckpoint(
  folder: string,
  imageSize?: number,
): { readonly text: string; readonly checkpoint: CheckpointConfig } {
  const { header, file } = openWeights(folder);
  const checkpoint = parserOf(folder, imageSize)(header, file);
  return { text: readTextSync(join(folder, CONFIG)), checkpoint };
}

/** Checks what can be checked before the weights are there. @throws InputError for an unsupported architecture */
export function checkConfig(folder: string): void {
  const json = readJson(join(folder, CONFIG));
  if (isTimmConfig(json)) timmArchitecture(json, folder);
  else parserOf(folder);
}

/** Reads the JSON files at once; timm's needs the tensors' shapes, too. */
function parserOf(folder: string, imageSize?: number): CheckpointParser {
  const json = readJson(join(folder, CONFIG));
  return checkpointParser(json, () => readPreprocessor(folder), folder, imageSize);
}

/** With the precedence that transformers has: nested first. */
function readPreprocessor(folder: string): [json: unknown, file: string] {
  const nested = join(folder, PROCESSOR);
  if (existsSync(nested)) {
    const { image_processor: found } = (readJson(nested) ?? {}) as { image_processor?: unknown };
    if (typeof found === "object" && found !== null) return [found, PROCESSOR];
  }
  return [readJson(join(folder, PREPROCESSOR)), PREPROCESSOR];
}
