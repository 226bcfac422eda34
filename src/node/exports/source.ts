/** @file The files that a backbone was read from, for checkpoints that should look like them. */
import type { CheckpointSource } from "../../export/checkpoint.ts";
import { realFields } from "../../export/json.ts";
import type { Backbone } from "../../nn/checkpoint.ts";
import { readCheckpoint } from "../backbones/backbone.ts";
import { type BringOptions, backboneFolder } from "../backbones/backbones.ts";

/** Of a backbone that was opened by its name. */
export async function checkpointSource(
  { name, config }: Backbone,
  options: BringOptions = {},
): Promise<CheckpointSource> {
  const { text, checkpoint } = readCheckpoint(await backboneFolder(name, options), config.imageSize);
  return { ...checkpoint, json: JSON.parse(text) as Record<string, unknown>, real: realFields(text) };
}
