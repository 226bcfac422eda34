/** @file A PEFT LoRA adapter as a start: the backbone with the adapter in its weights. */
import { join } from "node:path";
import { mergedCheckpoint } from "../../export/checkpoint.ts";
import { jsonText } from "../../export/json.ts";
import { parseAdapterConfig, withAdapter } from "../../export/read-adapter.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { InputError } from "../../tensor/errors.ts";
import { decodeSafetensors, encodeSafetensors } from "../../tensor/safetensors.ts";
import { readCheckpoint } from "../backbones/backbone.ts";
import { backboneFolder, type FindOptions, findBackbone } from "../backbones/backbones.ts";
import { readJson } from "../backbones/weight-files.ts";
import { readWholeSync } from "../files/read.ts";
import type { Exported } from "./export.ts";
import { checkFolder, writeFolder } from "./folder.ts";
import { checkpointSource } from "./source.ts";

const CONFIG = "adapter_config.json";
const WEIGHTS = "adapter_model.safetensors";

/** Where an adapter's base is, and how it is opened. */
export interface AdapterOptions extends Omit<FindOptions, "stored"> {
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
  const { backbone: given, ...finding } = options;
  const file = join(folder, WEIGHTS);
  const configFile = join(folder, CONFIG);
  const config = parseAdapterConfig(readJson(configFile), configFile);
  const name = given ?? config.base_model_name_or_path ?? undefined;
  if (name === undefined) {
    throw new InputError(
      `${configFile}: names no base_model_name_or_path; say which backbone with --backbone`,
    );
  }
  const { tensors } = decodeSafetensors(readAdapter(file), file);
  const backbone = await findBackbone(name, finding);
  const at = await backboneFolder(backbone.name, finding);
  const { checkpoint } = readCheckpoint(at, options.imageSize);
  return withAdapter(backbone, checkpoint, config, tensors, file);
}

/** Writes such a backbone as a checkpoint of its own. @throws InputError as `adapterFrom`, or for a folder in use */
export async function mergeAdapter(
  folder: string,
  { out, ...options }: AdapterOptions & { readonly out: string },
): Promise<Exported> {
  await checkFolder(out);
  const backbone = await adapterFrom(folder, options);
  const source = await checkpointSource(backbone, { settings: options.settings });
  const { config, preprocessor, tensors } = mergedCheckpoint(source, backbone.weights, undefined, "float32");
  const files = {
    "config.json": jsonText(config, source.real),
    ...(preprocessor === undefined ? {} : { "preprocessor_config.json": jsonText(preprocessor) }),
    "model.safetensors": encodeSafetensors(tensors, { format: "pt" }),
  };
  await writeFolder(out, files);
  return { folder: out, files: Object.keys(files), notes: [] };
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
