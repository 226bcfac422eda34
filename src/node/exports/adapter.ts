/** @file A PEFT LoRA adapter, merged into its backbone and written as a checkpoint of its own. */
import { mergedCheckpoint } from "../../export/checkpoint.ts";
import { jsonText } from "../../export/json.ts";
import { encodeSafetensors } from "../../tensor/safetensors.ts";
import { type AdapterOptions, adapterFrom } from "../backbones/adapter.ts";
import type { Exported } from "./export.ts";
import { checkFolder, writeFolder } from "./folder.ts";
import { checkpointSource } from "./source.ts";

/** Writes a backbone with an adapter in its weights. @throws InputError as `adapterFrom`, or for a folder in use */
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
