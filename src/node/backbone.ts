/** @file Reads a backbone from a folder. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { type Backbone, type CheckpointConfig, parseConfig, readWeights } from "../nn/checkpoint.ts";
import { isTimmConfig, parseTimmConfig } from "../nn/timm.ts";
import { InputError } from "../tensor/errors.ts";
import {
  headerLength,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "../tensor/safetensors.ts";

/** Names of the weights in a backbone's folder: one file, or an index of several. */
const WEIGHTS = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Loads config.json, preprocessor_config.json (timm's config.json has that inside) and model.safetensors, or the
 * files that model.safetensors.index.json names.
 * @param options.imageSize overrides the checkpoint's input size
 * @throws InputError in one line for a missing, truncated or contradictory file
 */
export function loadBackbone(
  folder: string,
  options: { readonly name?: string; readonly imageSize?: number } = {},
): Backbone {
  const json = readJson(join(folder, "config.json"));
  const { imageSize } = options;
  if (isTimmConfig(json)) {
    return withWeights(folder, (header, read, file) => {
      const checkpoint = parseTimmConfig(json, header, folder, file, imageSize);
      return backboneOf(options.name ?? folder, checkpoint, readWeights(checkpoint, header, read, file));
    });
  }
  const preprocessor = readJson(join(folder, "preprocessor_config.json"));
  const checkpoint = parseConfig(json, preprocessor, folder, imageSize);
  return withWeights(folder, (header, read, file) =>
    backboneOf(options.name ?? folder, checkpoint, readWeights(checkpoint, header, read, file)),
  );
}

function backboneOf(name: string, checkpoint: CheckpointConfig, weights: Backbone["weights"]): Backbone {
  const { config, preprocessing, note } = checkpoint;
  return { name, config, preprocessing, weights, ...(note === undefined ? {} : { note }) };
}

type Read = (name: string, start: number, end: number) => Uint8Array;

/** Opens the weights, lends their header and a way to read them, and closes them. */
function withWeights<T>(folder: string, use: (header: SafetensorsHeader, read: Read, file: string) => T): T {
  const index = join(folder, INDEX);
  const file = join(folder, WEIGHTS);
  if (existsSync(file) || !existsSync(index)) {
    return withFile(file, (descriptor) =>
      use(readHeader(descriptor, file), (_, start, end) => readBytes(descriptor, start, end), file),
    );
  }
  const descriptors: number[] = [];
  try {
    const owner = new Map<string, number>();
    const entries = new Map<string, SafetensorsEntry>();
    const shards = shardsOf(index);
    for (const shard of new Set(shards.map(([, shard]) => shard))) {
      const path = join(folder, shard);
      if (!existsSync(path)) {
        throw new InputError(`${index}: names ${shard}, which is not in the folder; download it too`);
      }
      const descriptor = explain(path, () => openSync(path, "r"));
      descriptors.push(descriptor);
      const header = readHeader(descriptor, path);
      for (const [name] of shards.filter(([, owner]) => owner === shard)) {
        const entry = header.entries.get(name);
        if (entry === undefined) {
          throw new InputError(
            `${index}: says that tensor ${name} is in ${shard}, but it isn't; download both again`,
          );
        }
        entries.set(name, entry);
        owner.set(name, descriptor);
      }
    }
    const read: Read = (name, start, end) => readBytes(owner.get(name)!, start, end);
    return use({ entries, metadata: {} }, read, index);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/** Tensor and file for each line of an index. */
function shardsOf(index: string): [tensor: string, shard: string][] {
  const { weight_map: map } = (readJson(index) ?? {}) as { weight_map?: unknown };
  if (typeof map !== "object" || map === null || Object.keys(map).length === 0) {
    throw new InputError(`${index}: has no weight_map from tensors to files; download it again`);
  }
  return Object.entries(map).map(([tensor, shard]) => {
    if (typeof shard !== "string" || basename(shard) !== shard) {
      throw new InputError(
        `${index}: tensor ${tensor} is said to be in ${JSON.stringify(shard)}, which is no file of the folder`,
      );
    }
    return [tensor, shard];
  });
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
