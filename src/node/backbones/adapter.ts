/** @file A PEFT LoRA adapter as a start: the backbone with the adapter in its weights. */
import { join } from "node:path";
import { type AdapterConfig, adapterUpdates, parseAdapterConfig } from "../../export/read-adapter.ts";
import { withAdapter } from "../../nn/adapter.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { InputError } from "../../tensor/errors.ts";
import { decodeSafetensors } from "../../tensor/safetensors.ts";
import { readWholeSync } from "../files/read.ts";
import { readCheckpoint } from "./backbone.ts";
import { backboneFolder, type FindOptions, findBackbone } from "./backbones.ts";
import { readJson } from "./weight-files.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** Where an adapter's base is, and how it is opened. */
export interface AdapterOptions extends FindOptions {
  /** Folder or name; default: what adapter_config.json names. */
  readonly backbone?: string | undefined;
}

/**
 * A backbone with a LoRA adapter of PEFT merged into its weights: a start for any method, which has its own updates
 * besides, of whatever rank the adapter is. A classifier in the adapter is left out.
 * @param folder with adapter_config.json and adapter_model.safetensors
 * @throws InputError for another kind of adapter (DoRA, trained biases, convolutions, by name), or another backbone's
 */
export async function adapterFrom(folder: string, options: AdapterOptions = {}): Promise<Backbone> {
  const { backbone: name = adapterBase(folder), ...finding } = options;
  const file = join(folder, WEIGHTS);
  const config = readConfig(folder);
  const { tensors } = decodeSafetensors(readAdapter(file), file);
  const backbone = await findBackbone(name, finding);
  const at = await backboneFolder(backbone.name, finding);
  const { checkpoint } = readCheckpoint(at, options.imageSize);
  return withAdapter(backbone, adapterUpdates(backbone, checkpoint, config, tensors, file), file);
}

/** Name of the backbone that an adapter is for. @throws InputError if it says none, or is no plain LoRA */
export function adapterBase(folder: string): string {
  const { base_model_name_or_path: name } = readConfig(folder);
  if (name !== null && name !== undefined) return name;
  throw new InputError(
    `${join(folder, CONFIG)}: names no base_model_name_or_path; say which backbone with --backbone`,
  );
}

function readConfig(folder: string): AdapterConfig {
  const file = join(folder, CONFIG);
  return parseAdapterConfig(readJson(file), file);
}

function readAdapter(file: string): Uint8Array {
  try {
    return readWholeSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new InputError(
      `${file}: is not there; adapters in other formats are not read: save it with safetensors`,
    );
  }
}
