/** @file Reads a backbone from a folder. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { type Backbone, parseConfig, readWeights } from "../nn/checkpoint.ts";
import { InputError } from "../tensor/errors.ts";
import { headerLength, parseHeader, type SafetensorsHeader } from "../tensor/safetensors.ts";

/**
 * Loads config.json, preprocessor_config.json and model.safetensors.
 * @param options.imageSize overrides the checkpoint's input size
 * @throws InputError in one line for a missing, truncated or contradictory file
 */
export function loadBackbone(
  folder: string,
  options: { readonly name?: string; readonly imageSize?: number } = {},
): Backbone {
  const checkpoint = parseConfig(
    readJson(join(folder, "config.json")),
    readJson(join(folder, "preprocessor_config.json")),
    folder,
    options.imageSize,
  );
  const file = join(folder, "model.safetensors");
  const weights = withFile(file, (descriptor) => {
    const header = readHeader(descriptor, file);
    return readWeights(checkpoint, header, (_, start, end) => readBytes(descriptor, start, end), file);
  });
  const { config, preprocessing, note } = checkpoint;
  return {
    name: options.name ?? folder,
    config,
    preprocessing,
    weights,
    ...(note === undefined ? {} : { note }),
  };
}

function readHeader(descriptor: number, file: string): SafetensorsHeader {
  const { size } = fstatSync(descriptor);
  const length = headerLength(readBytes(descriptor, 0, Math.min(8, size)), size, file);
  return parseHeader(readBytes(descriptor, 8, 8 + length), size, file);
}

function readBytes(descriptor: number, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const count = readSync(descriptor, bytes, at, bytes.length - at, start + at);
    if (count === 0) break;
    at += count;
  }
  return bytes;
}

function withFile<T>(file: string, use: (descriptor: number) => T): T {
  const descriptor = explain(file, () => openSync(file, "r"));
  try {
    return use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readJson(file: string): unknown {
  const text = explain(file, () => readFileSync(file, "utf8"));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: not valid JSON: ${(error as Error).message}`);
  }
}

function explain<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new InputError(
        `${file}: no such file; a backbone folder has config.json, preprocessor_config.json and model.safetensors`,
      );
    throw new InputError(`${file}: cannot be read: ${(error as Error).message}`);
  }
}
