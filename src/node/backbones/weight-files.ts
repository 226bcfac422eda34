/** @file A checkpoint's weights on disk: one safetensors file, or the files that an index names. */
import { createHash } from "node:crypto";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type OpenWeights, type ReadTensor, withPlainNames } from "../../nn/checkpoint-files.ts";
import { InputError } from "../../tensor/errors.ts";
import { isLfsPointer, LFS_POINTER } from "../../tensor/git-lfs.ts";
import {
  headerLength,
  parseHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from "../../tensor/safetensors.ts";
import { readTextSync } from "../files/read.ts";

/** Names of the weights in a backbone's folder: one file, or an index of several. */
export const WEIGHTS = "model.safetensors";
export const WEIGHTS_INDEX = "model.safetensors.index.json";

/** Bytes that are hashed at a time. */
const DIGEST_PIECE = 2 ** 22;

/**
 * Reads the header of the weights and lends a way to read single tensors.
 * @throws InputError in one line for a missing, truncated or contradictory file
 */
export function openWeights(folder: string): OpenWeights {
  const index = join(folder, WEIGHTS_INDEX);
  const path = join(folder, WEIGHTS);
  const found = existsSync(path) || !existsSync(index) ? oneFile(path) : shardedFiles(folder, index);
  return withPlainNames(found);
}

type Found = Omit<OpenWeights, "notices">;

function oneFile(path: string): Found {
  const file = statWeights(path);
  return { header: readHeader(file), read: (_, start, end) => readBytes(file, start, end), file: path };
}

function shardedFiles(folder: string, index: string): Found {
  const owners = new Map<string, WeightFile>();
  const entries = new Map<string, SafetensorsEntry>();
  for (const [shard, names] of shardsOf(index)) {
    const shardPath = join(folder, shard);
    if (!existsSync(shardPath)) {
      throw new InputError(`${index}: names ${shard}, which is not in the folder; download it too`);
    }
    const file = statWeights(shardPath);
    const header = readHeader(file);
    for (const name of names) {
      const entry = header.entries.get(name);
      if (entry === undefined) {
        throw new InputError(
          `${index}: says that tensor ${name} is in ${shard}, but it isn't; download both again`,
        );
      }
      entries.set(name, entry);
      owners.set(name, file);
    }
  }
  const read: ReadTensor = (name, start, end) => readBytes(owners.get(name)!, start, end);
  return { header: { entries, metadata: {} }, read, file: index };
}

/** SHA-256 over the weights' files, those of an index in the order of their names. @throws InputError if one can't be read */
export function weightsDigest(folder: string): string {
  const index = join(folder, WEIGHTS_INDEX);
  const single = join(folder, WEIGHTS);
  const files =
    existsSync(single) || !existsSync(index)
      ? [single]
      : [...shardsOf(index).keys()].sort().map((shard) => join(folder, shard));
  const hash = createHash("sha256");
  const piece = new Uint8Array(DIGEST_PIECE);
  for (const file of files) {
    const descriptor = explain(file, () => openSync(file, "r"));
    try {
      for (let read = 1; read > 0; ) {
        read = explain(file, () => readSync(descriptor, piece, 0, piece.length, null));
        hash.update(piece.subarray(0, read));
      }
    } finally {
      closeSync(descriptor);
    }
  }
  return hash.digest("hex");
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
  const text = explain(file, () => readTextSync(file));
  try {
    return JSON.parse(text);
  } catch (error) {
    const pointer = isLfsPointer(new TextEncoder().encode(text.slice(0, 64)), text.length);
    throw new InputError(
      pointer ? `${file}: this is ${LFS_POINTER}` : `${file}: not valid JSON: ${(error as Error).message}`,
    );
  }
}

/** A file as it was found. */
interface WeightFile {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
}

function statWeights(path: string): WeightFile {
  const found = explain(path, () => statSync(path));
  if (!found.isFile()) throw new InputError(`${path}: is no regular file; name the folder of a backbone`);
  const { size, mtimeMs } = found;
  return { path, size, modified: mtimeMs };
}

function readHeader(file: WeightFile): SafetensorsHeader {
  const { path, size } = file;
  if (isLfsPointer(readBytes(file, 0, Math.min(64, size)), size)) {
    throw new InputError(`${path}: this is ${LFS_POINTER}`);
  }
  const length = headerLength(readBytes(file, 0, Math.min(8, size)), size, path);
  // Up to 100 MB are allowed: other kinds of files, whose first bytes happen to be such a length, end here.
  if (readBytes(file, 8, 9)[0] !== "{".charCodeAt(0)) {
    throw new InputError(`${path}: not a safetensors file: its header is no JSON object; download it again`);
  }
  return parseHeader(readBytes(file, 8, 8 + length), size, path);
}

/** @throws InputError if the file is another than was found, or ends before */
function readBytes({ path, size, modified }: WeightFile, start: number, end: number): Uint8Array {
  const bytes = new Uint8Array(end - start);
  const descriptor = explain(path, () => openSync(path, "r"));
  try {
    const now = explain(path, () => statSync(path));
    if (now.size !== size || now.mtimeMs !== modified) {
      throw new InputError(`${path}: has changed while it was in use; start again`);
    }
    for (let at = 0; at < bytes.length; ) {
      const count = explain(path, () => readSync(descriptor, bytes, at, bytes.length - at, start + at));
      if (count === 0) {
        throw new InputError(`${path}: ended at byte ${start + at} while it was read; download it again`);
      }
      at += count;
    }
  } finally {
    closeSync(descriptor);
  }
  return bytes;
}

function explain<T>(file: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof InputError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT")
      throw new InputError(
        `${file}: no such file; a backbone folder has config.json, preprocessor_config.json and model.safetensors`,
      );
    throw new InputError(`${file}: cannot be read: ${(error as Error).message}`);
  }
}
