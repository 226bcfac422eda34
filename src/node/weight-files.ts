/** @file A checkpoint's weights on disk: one safetensors file, or the files that an index names. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { basename, join } from "node:path";
import { InputError } from "../tensor/errors.ts";
import {
  headerLength,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "../tensor/safetensors.ts";

/** Names of the weights in a backbone's folder: one file, or an index of several. */
export const WEIGHTS = "model.safetensors";
export const WEIGHTS_INDEX = "model.safetensors.index.json";

/** The bytes of one tensor, from start to end of its file. */
export type ReadTensor = (name: string, start: number, end: number) => Uint8Array;

/**
 * Opens the weights, lends their header and a way to read single tensors, and closes them.
 * @throws InputError in one line for a missing, truncated or contradictory file
 */
export function withWeights<T>(
  folder: string,
  use: (header: SafetensorsHeader, read: ReadTensor, file: string) => T,
): T {
  const index = join(folder, WEIGHTS_INDEX);
  const file = join(folder, WEIGHTS);
  const descriptors: number[] = [];
  const open = (path: string): number => {
    const descriptor = explain(path, () => openSync(path, "r"));
    descriptors.push(descriptor);
    return descriptor;
  };
  try {
    if (existsSync(file) || !existsSync(index)) {
      const descriptor = open(file);
      const read: ReadTensor = (_, start, end) => readBytes(descriptor, start, end, file);
      return use(readHeader(descriptor, file), read, file);
    }
    const owners = new Map<string, { readonly descriptor: number; readonly path: string }>();
    const entries = new Map<string, SafetensorsEntry>();
    for (const [shard, names] of shardsOf(index)) {
      const path = join(folder, shard);
      if (!existsSync(path)) {
        throw new InputError(`${index}: names ${shard}, which is not in the folder; download it too`);
      }
      const descriptor = open(path);
      const header = readHeader(descriptor, path);
      for (const name of names) {
        const entry = header.entries.get(name);
        if (entry === undefined) {
          throw new InputError(
            `${index}: says that tensor ${name} is in ${shard}, but it isn't; download both again`,
          );
        }
        entries.set(name, entry);
        owners.set(name, { descriptor, path });
      }
    }
    const read: ReadTensor = (name, start, end) => {
      const { descriptor, path } = owners.get(name)!;
      return readBytes(descriptor, start, end, path);
    };
    return use({ entries, metadata: {} }, read, index);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/** Files of an index, each with the tensors that are said to be in it. @throws InputError if it names none */
export function shardsOf(index: string): ReadonlyMap<string, readonly string[]> {
  const { weight_map: map } = (readJson(index) ?? {}) as { weight_map?: unknown };
  if (typeof map !== "object" || map === null || Object.keys(map).length === 0) {
    throw new InputError(`${index}: has no weight_map from tensors to files; download it again`);
  }
  const shards = new Map<string, string[]>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== "string" || basename(shard) !== shard || !shard.endsWith(".safetensors")) {
      throw new InputError(
        `${index}: tensor ${tensor} is said to be in ${JSON.stringify(shard)}, which is no file of the folder`,
      );
    }
    shards.set(shard, [...(shards.get(shard) ?? []), tensor]);
  }
  return shards;
}

/** The JSON in a file. @throws InputError if it can't be read or isn't JSON */
export function readJson(file: string): unknown {
  const text = explain(file, () => readFileSync(file, "utf8"));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`${file}: not valid JSON: ${(error as Error).message}`);
  }
}

function readHeader(descriptor: number, file: string): SafetensorsHeader {
  const { size } = fstatSync(descriptor);
  const length = headerLength(readBytes(descriptor, 0, Math.min(8, size), file), size, file);
  // Up to 100 MB are allowed: other kinds of files, whose first bytes happen to be such a length, end here.
  if (readBytes(descriptor, 8, 9, file)[0] !== "{".charCodeAt(0)) {
    throw new InputError(`${file}: not a safetensors file: its header is no JSON object; download it again`);
  }
  return parseHeader(readBytes(descriptor, 8, 8 + length, file), size, file);
}

/** @throws InputError if the file ends before: it has shrunk since its header was read */
function readBytes(descriptor: number, start: number, end: number, file: string): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length; ) {
    const count = explain(file, () => readSync(descriptor, bytes, at, bytes.length - at, start + at));
    if (count === 0) {
      throw new InputError(`${file}: ended at byte ${start + at} while it was read; download it again`);
    }
    at += count;
  }
  return bytes;
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
