/** @file The small random ViT of src/testing as a folder. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TinyShape, tinyBackbone, tinyCheckpoint } from "../../src/testing/tiny-backbone.ts";

export { tinyBackbone };

/** Writes the checkpoint as a folder and returns the folder. */
export function writeTinyBackbone(folder: string, shape: TinyShape = {}): string {
  const { config, preprocessor, weights } = tinyCheckpoint(shape);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(preprocessor));
  writeFileSync(join(folder, "model.safetensors"), weights);
  return folder;
}
