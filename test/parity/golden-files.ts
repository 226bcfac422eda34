/** @file A golden network as a folder, and images for it as libraries take them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Preprocessing } from "../../src/data/dataset.ts";
import { jsonText } from "../../src/export/json.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { GOLDENS, weightsOf } from "./networks.ts";

/** Real numbers in their configurations. */
const REAL = new Set(["layerscale_value", "drop_path_rate", "initializer_factor"]);

/** The network's backbone as a folder. */
export function writeGolden(name: string, folder: string): string {
  const golden = GOLDENS.find((each) => each.name === name)!;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), jsonText(golden.config, REAL));
  if (golden.preprocessor !== undefined) {
    writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(golden.preprocessor));
  }
  // Those of towers are saved under these names, which both versions read.
  const prefix = /^(clip|siglip)/.test(name) ? "vision_model." : "";
  const weights = Object.entries(weightsOf(golden)).map(([own, value]) => [prefix + own, value]);
  const bytes = encodeSafetensors(Object.fromEntries(weights), { format: "pt" });
  writeFileSync(join(folder, "model.safetensors"), bytes);
  return folder;
}

/** Bytes [n, side, side, 3] as normalized numbers. [n, 3, side, side] */
export function normalized(bytes: Uint8Array, { size, mean, std }: Preprocessing): Float32Array {
  return Float32Array.from(bytes, (_, i) => {
    const [image, channel, place] = [
      Math.floor(i / (3 * size * size)),
      Math.floor(i / (size * size)) % 3,
      i % (size * size),
    ];
    return (bytes[(image * size * size + place) * 3 + channel]! / 255 - mean[channel]!) / std[channel]!;
  });
}
