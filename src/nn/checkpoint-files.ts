/** @file The files of a checkpoint, wherever they lie: JSON and one or more files of weights, to our ViT. */
import { headerLength, parseHeader, type SafetensorsHeader } from "../tensor/safetensors.ts";
import { type Backbone, type CheckpointConfig, parseConfig } from "./checkpoint.ts";
import { readWeights } from "./read-weights.ts";
import { isTimmConfig, parseTimmConfig } from "./timm.ts";
import { plainNames, wrapperNotice } from "./wrapped-names.ts";

/** The bytes of one tensor, from start to end of its file; at any later time, too, as long as the file is as it was. */
export type ReadTensor = (name: string, start: number, end: number) => Uint8Array;

/** What is in the weights of a folder, under names without wrappers. */
export interface OpenWeights {
  readonly header: SafetensorsHeader;
  readonly read: ReadTensor;
  /** The file, or the index, for messages. */
  readonly file: string;
  /** What a user should know of them. */
  readonly notices: readonly string[];
}

/** Weights as they are named in their files, under names without wrappers. @throws InputError as `plainNames` does */
export function withPlainNames({ header, read, file }: Omit<OpenWeights, "notices">): OpenWeights {
  const { names, wrappers } = plainNames(header.entries.keys(), file);
  if (wrappers.length === 0) return { header, read, file, notices: [] };
  const stored = new Map([...names].map(([name, plain]) => [plain, name]));
  return {
    header: {
      ...header,
      entries: new Map([...header.entries].map(([name, entry]) => [names.get(name)!, entry])),
    },
    read: (name, start, end) => read(stored.get(name)!, start, end),
    file,
    notices: [wrapperNotice(file, wrappers)],
  };
}

/** What config.json and its neighbor say, once the tensors' shapes are known. */
export type CheckpointParser = (header: SafetensorsHeader, file: string) => CheckpointConfig;

/**
 * Checks the JSON of transformers at once; timm's needs the tensors' shapes, too, and has the preprocessing inside.
 * @param json of config.json
 * @param preprocessor the preprocessing and the file that it is from, asked for where it is needed
 * @param folder for messages
 * @throws InputError for an unsupported architecture or a field that is missing or wrong
 */
export function checkpointParser(
  json: unknown,
  preprocessor: () => readonly [json: unknown, file: string],
  folder: string,
  imageSize?: number,
): CheckpointParser {
  if (isTimmConfig(json)) {
    return (header, file) => parseTimmConfig(json, header, folder, file, imageSize);
  }
  const [own, file] = preprocessor();
  const checkpoint = parseConfig(json, own, folder, imageSize, file);
  return () => checkpoint;
}

/** A checkpoint's files in memory. */
export interface CheckpointFiles {
  /** Of config.json. */
  readonly json: unknown;
  /** As `checkpointParser` takes it. */
  readonly preprocessor: () => readonly [json: unknown, file: string];
  /** Of model.safetensors. */
  readonly weights: Uint8Array;
  /** Where they are from, for messages. */
  readonly folder: string;
}

/** A checkpoint that was opened: what its JSON says, and its tensors. */
interface OpenCheckpoint extends OpenWeights {
  readonly checkpoint: CheckpointConfig;
}

/** @throws InputError in one line for a truncated or contradictory file */
function opened(
  { json, preprocessor, weights, folder }: CheckpointFiles,
  imageSize: number | undefined,
): OpenCheckpoint {
  const parse = checkpointParser(json, preprocessor, folder, imageSize);
  const path = `${folder}/model.safetensors`;
  const length = headerLength(weights.subarray(0, 8), weights.length, path);
  const open = withPlainNames({
    header: parseHeader(weights.subarray(8, 8 + length), weights.length, path),
    read: (_, start, end) => weights.slice(start, end), // of its own: the whole file need not stay
    file: path,
  });
  return { ...open, checkpoint: parse(open.header, open.file) };
}

/** What the files say, without the weights' numbers. @throws InputError as `backboneFrom` does */
export const checkpointOf = (files: CheckpointFiles, imageSize?: number): CheckpointConfig =>
  opened(files, imageSize).checkpoint;

/** @throws InputError in one line for a truncated or contradictory file */
export function backboneFrom(
  files: CheckpointFiles,
  {
    name,
    imageSize,
    sha256,
  }: Pick<Backbone, "name" | "sha256"> & { readonly imageSize?: number | undefined },
): Backbone {
  const { checkpoint, header, read, file, notices } = opened(files, imageSize);
  const { config, preprocessing } = checkpoint;
  return {
    name,
    config,
    preprocessing,
    weights: readWeights(checkpoint, header, read, file),
    notices,
    sha256,
  };
}
