/** @file The networks of goldens.json as checkpoint folders, and how far two results are apart. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { graph } from "../../src/graph/graph.ts";
import { input } from "../../src/graph/value.ts";
import type { Backbone } from "../../src/nn/checkpoint.ts";
import { FAMILIES } from "../../src/nn/families.ts";
import { vitFeatures } from "../../src/nn/vit.ts";
import { weightFeeds, weightInputs } from "../../src/nn/weights.ts";
import { loadBackbone } from "../../src/node/backbones/backbone.ts";
import { nodeRuntime } from "../../src/node/runtime/runtime.ts";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { formulaWeight } from "./formula.ts";

/** One network of goldens.json. */
export interface Golden {
  readonly name: string;
  readonly config: Record<string, unknown>;
  /** Not for timm, which has it in its configuration. */
  readonly preprocessor?: { readonly size: { readonly height: number } };
  readonly images: number;
  /** Names and shapes as the library writes them. */
  readonly tensors: readonly (readonly [name: string, dims: readonly number[]])[];
  /** CLS features of the formula's images, by a float64 run. */
  readonly features: readonly number[];
  readonly training?: {
    readonly loss: number;
    readonly gradients: Readonly<
      Record<string, { readonly dims: readonly number[]; readonly data: readonly number[] }>
    >;
  };
  /** All weights trained; by file name, the gradient's product with a formula's direction, and its norm. */
  readonly fullTraining?: {
    readonly loss: number;
    readonly gradients: Readonly<Record<string, readonly [along: number, norm: number]>>;
  };
}

/** All networks of goldens.json. */
export const GOLDENS: readonly Golden[] = JSON.parse(
  readFileSync(fileURLToPath(new URL("goldens.json", import.meta.url)), "utf8"),
).networks;

/** The network's tensors under its library's names; with a prefix, other numbers in the same places. */
export const weightsOf = ({ tensors }: Golden, prefix = ""): Record<string, Tensor<"float32">> =>
  Object.fromEntries(tensors.map(([name, dims]) => [name, formulaWeight(prefix + name, dims)]));

/**
 * Writes the network as its library would, reads it as a user's folder is read, and removes the folder.
 * @param file model.safetensors, if not in float32
 */
export function backboneOf(
  golden: Golden,
  file: Uint8Array = encodeSafetensors(weightsOf(golden)),
): Backbone {
  const folder = mkdtempSync(join(tmpdir(), "fm-lora-parity-"));
  try {
    writeFileSync(join(folder, "config.json"), JSON.stringify(golden.config));
    if (golden.preprocessor !== undefined) {
      writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(golden.preprocessor));
    }
    writeFileSync(join(folder, "model.safetensors"), file);
    return loadBackbone(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The name in a network's file of one of our weights. */
export function storedName({ config }: Golden, ours: string): string {
  const { names } = FAMILIES.find(({ modelType }) => modelType === config.model_type)!;
  const [, block] = /^blocks\.(\d+)\./.exec(ours) ?? [];
  return names[ours.replace(/^blocks\.\d+/, "blocks.#")]!.replace("#", `${block}`);
}

/** CLS features by our graph. images: uint8 [n, size, size, 3] */
export async function featuresOf({ config, weights }: Backbone, images: Tensor<"uint8">): Promise<Tensor> {
  const features = vitFeatures(config, weightInputs(), input("images", "uint8", images.dims));
  const session = await nodeRuntime({ threads: 1 }).compile(graph({ features }));
  const results = await session.run({ images, ...weightFeeds(weights) });
  await session.dispose();
  return results.features!;
}

/** Largest |a - b|. @throws if the lengths differ */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} numbers against ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference; // NaN comes through
  }
  return largest;
}
