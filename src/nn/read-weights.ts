/** @file Takes a backbone's tensors out of a checkpoint file, under our names and in our layouts. */
import { InputError } from "../tensor/errors.ts";
import { checkFinite } from "../tensor/finite.ts";
import { decodeFloat32, type SafetensorsEntry, type SafetensorsHeader } from "../tensor/safetensors.ts";
import { sizeOf, type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import type { CheckpointConfig } from "./checkpoint.ts";
import { interpolatePositions } from "./positions.ts";
import { tokensBeforePatches, type VitConfig } from "./vit.ts";

/** Types that weights come in. */
const FLOATS = ["F32", "F16", "BF16", "F64"];

/** One tensor to read: its name in the file and its place. */
interface Wanted {
  readonly theirs: string;
  readonly entry: SafetensorsEntry;
}

/**
 * Everything is checked before anything is read.
 * @param read the bytes of one tensor, at any later time, too
 * @param stored leaves matrices of the blocks in the file: their `data` is read anew every time it is asked for
 * @throws InputError that names a missing or unused tensor, one whose shape the config contradicts, or whose numbers
 *   are none
 */
export function readWeights(
  checkpoint: CheckpointConfig,
  header: SafetensorsHeader,
  read: (name: string, start: number, end: number) => Uint8Array,
  file: string,
  { stored = false }: { readonly stored?: boolean } = {},
): Record<string, Tensor<"float32">> {
  const { config, family } = checkpoint;
  const wanted = findTensors(checkpoint, header, file);
  const weights: Record<string, Tensor<"float32">> = {};
  for (const [ours, found] of wanted) {
    const whole =
      found === null
        ? zeroTensor(dimsOf(ours, config))
        : storedTensor(found.entry, shapeOf(ours, found.entry, config), (entry) => {
            const own = decodeFloat32(entry, read(found.theirs, entry.start, entry.end));
            checkFinite(file, found.theirs, own);
            return own.data;
          });
    for (const [name, part] of splitFused(ours, whole)) {
      weights[name] = stored && isMatrix(name, part) ? part : tensor("float32", part.dims, part.data);
    }
  }
  const layout = {
    before: family.positionsBefore,
    tokens: tokensBeforePatches(config),
    antialias: family.antialias,
  };
  return {
    ...weights,
    "patch.weight": patchRows(weights["patch.weight"]!),
    position: interpolatePositions(weights.position!, config.imageSize / config.patchSize, layout),
  };
}

/** Numbers in the tensors that features need, nothing being read. @throws InputError as `readWeights` does */
export function countWeights(checkpoint: CheckpointConfig, header: SafetensorsHeader, file: string): number {
  const found = [...findTensors(checkpoint, header, file).values()];
  return found.reduce((sum, wanted) => sum + (wanted === null ? 0 : sizeOf(wanted.entry.dims)), 0);
}

/** Where each of our tensors is; null for zeros. @throws InputError as `readWeights` says */
function findTensors(
  { family, config, qkvBias }: CheckpointConfig,
  header: SafetensorsHeader,
  file: string,
): Map<string, Wanted | null> {
  const first = family.names.cls ?? family.names.position!;
  const prefix = family.prefixes.find((p) => header.entries.has(p + first));
  if (prefix === undefined) {
    const [named] = header.entries.keys();
    const found = named === undefined ? "it has none at all" : `its first is ${named}`;
    throw new InputError(
      `${file}: no tensor ${first}, ${found}: not a ${family.modelType} checkpoint; check model_type in config.json`,
    );
  }
  const names = { ...family.names, ...(config.gatedMlp ? family.gatedNames : {}) };
  const wanted = new Map<string, Wanted | null>();
  const used = new Set<string>();
  for (const [ours, theirs] of Object.entries(names)) {
    for (let block = 0; block < (ours.includes("#") ? config.layers : 1); block++) {
      const absent = !qkvBias && /(query|key|value|qkv)\.bias$/.test(ours);
      const name = prefix + theirs.replace("#", `${block}`);
      if (!absent) used.add(name);
      const found = absent
        ? null
        : { theirs: name, entry: entryOf(header, name, dimsOf(ours, config), file) };
      wanted.set(ours.replace("#", `${block}`), found);
    }
  }
  if (names["patch.bias"] === undefined) wanted.set("patch.bias", null);
  const unused = [...header.entries.keys()].filter(
    (name) =>
      !used.has(name) && !family.ignored.test(name.slice(name.startsWith(prefix) ? prefix.length : 0)),
  );
  if (unused.length > 0) {
    throw new InputError(
      `${file}: ${unused.length} tensors that this ${family.modelType} (${config.layers} layers) has no use for, first ${unused[0]}; config.json doesn't match the weights`,
    );
  }
  const { theirs, entry } = wanted.get("position")!;
  const grid = entry.dims.at(-2)! - family.positionsBefore;
  if (grid < 1 || !Number.isInteger(Math.sqrt(grid))) {
    const others =
      ["", " besides CLS"][family.positionsBefore] ?? ` besides ${family.positionsBefore} others`;
    throw new InputError(
      `${file}: tensor ${theirs} has ${grid} positions${others}, which is no square; other layouts are not supported`,
    );
  }
  return wanted;
}

/** Leading axes of length 1 don't matter: CLIP's CLS token is [d], others' [1, 1, d]. */
function entryOf(
  header: SafetensorsHeader,
  name: string,
  dims: readonly number[],
  file: string,
): SafetensorsEntry {
  const entry = header.entries.get(name);
  if (entry === undefined) {
    throw new InputError(`${file}: tensor ${name} is missing; config.json asks for it`);
  }
  const [found, expected] = [entry.dims, dims].map((all) => all.slice(all.findIndex((dim) => dim !== 1)));
  const fits =
    found!.length === expected!.length && expected!.every((dim, i) => dim === -1 || dim === found![i]);
  if (!fits) {
    throw new InputError(`${file}: tensor ${name} is [${entry.dims}], but config.json makes it [${dims}]`);
  }
  if (!FLOATS.includes(entry.dtype)) {
    throw new InputError(
      `${file}: tensor ${name} is ${entry.dtype}; weights are ${FLOATS.join(", ")}; save the model without quantization`,
    );
  }
  return entry;
}

/** Most of the numbers of a network: whoever computes with them holds them, as they are or rounded. */
const isMatrix = (name: string, { dims }: Tensor): boolean => name.startsWith("blocks.") && dims.length === 2;

/** A tensor that stays in its file. */
interface StoredTensor extends Tensor<"float32"> {
  /** Rows of the first axis, from `first` to before `end`. */
  rows(first: number, end: number): Tensor<"float32">;
}

function storedTensor(
  { dtype, start, end }: SafetensorsEntry,
  dims: readonly number[],
  read: (entry: SafetensorsEntry) => Float32Array,
): StoredTensor {
  const rowBytes = (end - start) / dims[0]!;
  return {
    dtype: "float32",
    dims,
    get data() {
      return read({ dtype, dims, start, end });
    },
    rows: (first, last) => {
      const part = { dtype, dims, start: start + first * rowBytes, end: start + last * rowBytes };
      return storedTensor(part, dims.with(0, last - first), read);
    },
  };
}

/** Our shape of a tensor in the file. */
function shapeOf(name: string, entry: SafetensorsEntry, config: VitConfig): readonly number[] {
  return dimsOf(name, config).map((dim) => (dim === -1 ? entry.dims.at(-2)! : dim));
}

/** timm (and SigLIP's head) keeps query, key and value in one tensor. */
function splitFused(name: string, whole: Tensor<"float32"> | StoredTensor): [string, Tensor<"float32">][] {
  const [, at, part] = /^(.+)\.qkv\.(weight|bias)$/.exec(name) ?? [];
  if (at === undefined) return [[name, whole]];
  const size = whole.dims[0]! / 3;
  return ["query", "key", "value"].map((kind, i) => {
    const own = "rows" in whole ? whole.rows(i * size, (i + 1) * size) : zeroTensor(whole.dims.with(0, size));
    return [`${at}.${kind}.${part}`, own];
  });
}

/** Shape of a tensor in the file; -1 where any length will do. */
function dimsOf(name: string, config: VitConfig): readonly number[] {
  const { hiddenSize, mlpSize, patchSize, extraTokens = 0 } = config;
  const fc1 = config.gatedMlp ? 2 * mlpSize : mlpSize;
  if (name === "cls" || name === "pool.probe") return [1, 1, hiddenSize];
  if (name === "extra") return [1, extraTokens, hiddenSize];
  if (name === "position") return [1, -1, hiddenSize];
  if (name === "patch.weight") return [hiddenSize, 3, patchSize, patchSize];
  if (name.endsWith("fc1.weight")) return [fc1, hiddenSize];
  if (name.endsWith("fc1.bias")) return [fc1];
  if (name.endsWith("fc2.weight")) return [hiddenSize, mlpSize];
  if (name.endsWith("qkv.weight")) return [3 * hiddenSize, hiddenSize];
  if (name.endsWith("qkv.bias")) return [3 * hiddenSize];
  return /(query|key|value|output)\.weight$/.test(name) ? [hiddenSize, hiddenSize] : [hiddenSize];
}

/** Convolution kernel [d, 3, p, p] -> rows over pixels as images store them [d, p * p * 3]. */
function patchRows(kernel: Tensor<"float32">): Tensor<"float32"> {
  const [width, channels, side] = kernel.dims as [number, number, number, number];
  const area = side * side;
  const result = new Float32Array(kernel.data.length);
  for (let row = 0; row < width; row++) {
    for (let channel = 0; channel < channels; channel++) {
      for (let pixel = 0; pixel < area; pixel++) {
        result[(row * area + pixel) * channels + channel] =
          kernel.data[(row * channels + channel) * area + pixel]!;
      }
    }
  }
  return tensor("float32", [width, area * channels], result);
}
