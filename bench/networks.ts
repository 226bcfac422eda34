/** @file The networks of the speed targets, with random weights: no benchmark needs a download. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FAMILIES } from "../src/nn/families.ts";
import { Rng } from "../src/tensor/rng.ts";
import { encodeSafetensors } from "../src/tensor/safetensors.ts";
import { sizeOf, type Tensor, tensor } from "../src/tensor/tensor.ts";
import { inTemporaryFolder } from "./measure.ts";
import type { BenchOptions } from "./options.ts";

/** A network and what it is trained with. */
export interface Network {
  readonly name: string;
  readonly label: string;
  readonly width: number;
  readonly heads: number;
  readonly imageSize: number;
  readonly patchSize: number;
  /** Images of a step. */
  readonly batch: number;
  /** Images of one run of the graph, where a step is cut into several. */
  readonly microBatch: number;
}

const LAYERS = 12;

/** Largest first: what fits into memory once fits afterwards. */
export const NETWORKS: readonly Network[] = [
  {
    name: "vit-b-16",
    label: "ViT-B/16",
    width: 768,
    heads: 12,
    imageSize: 224,
    patchSize: 16,
    batch: 8,
    microBatch: 2,
  },
  {
    name: "vit-s-16",
    label: "ViT-S/16",
    width: 384,
    heads: 6,
    imageSize: 224,
    patchSize: 16,
    batch: 16,
    microBatch: 4,
  },
  {
    name: "vit-ti-8",
    label: "ViT-Ti/8",
    width: 192,
    heads: 3,
    imageSize: 64,
    patchSize: 8,
    batch: 32,
    microBatch: 8,
  },
];

/** The network of that name. @throws listing the names there are */
export function networkNamed(name: string): Network {
  const network = NETWORKS.find((each) => each.name === name);
  if (network !== undefined) return network;
  throw new Error(
    `there is no network "${name}"; expected some of: ${NETWORKS.map((each) => each.name).join()}`,
  );
}

/** CLS and patches. */
export const tokensOf = ({ imageSize, patchSize }: Network): number => 1 + (imageSize / patchSize) ** 2;

/** What is trained: LoRA on query and value of every block, and a linear head. */
export interface TrainedShape {
  readonly rank: number;
  readonly classes: number;
}

/**
 * Writes what all sides start from: a checkpoint as transformers saves it, trained.safetensors ("blocks.0.query.a",
 * "head.weight"), and `images`, raw bytes of one batch.
 */
export function writeNetwork(folder: string, network: Network, { rank, classes }: TrainedShape): void {
  const { width, heads, imageSize, patchSize, batch } = network;
  mkdirSync(folder, { recursive: true });
  const config = {
    architectures: ["ViTModel"],
    model_type: "vit",
    hidden_size: width,
    num_hidden_layers: LAYERS,
    num_attention_heads: heads,
    intermediate_size: 4 * width,
    hidden_act: "gelu",
    layer_norm_eps: 1e-12,
    image_size: imageSize,
    patch_size: patchSize,
    qkv_bias: true,
  };
  const half = [0.5, 0.5, 0.5];
  const preprocessor = { size: { height: imageSize, width: imageSize }, image_mean: half, image_std: half };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(preprocessor));

  const random = new RandomTensors();
  const checkpoint: Record<string, Tensor> = {};
  for (const [ours, theirs] of Object.entries(FAMILIES.find(({ modelType }) => modelType === "vit")!.names)) {
    for (let block = 0; block < (ours.includes("#") ? LAYERS : 1); block++) {
      checkpoint[theirs.replace("#", `${block}`)] = random.weight(ours, dimsOf(ours, network));
    }
  }
  writeFileSync(join(folder, "model.safetensors"), encodeSafetensors(checkpoint, { format: "pt" }));

  const trained: Record<string, Tensor> = {
    "head.weight": random.normal([classes, width], 0.02),
    "head.bias": random.normal([classes], 0.02),
  };
  for (let block = 0; block < LAYERS; block++) {
    for (const layer of ["query", "value"]) {
      trained[`blocks.${block}.${layer}.a`] = random.normal([rank, width], width ** -0.5);
      trained[`blocks.${block}.${layer}.b`] = random.normal([width, rank], 0.01); // not zero: A needs a gradient, too
    }
  }
  writeFileSync(join(folder, "trained.safetensors"), encodeSafetensors(trained, {}));
  const rng = Rng.at("images");
  writeFileSync(
    join(folder, "images"),
    Uint8Array.from({ length: batch * imageSize ** 2 * 3 }, () => rng.below(256)),
  );
}

/** Writes each network that was asked for to a folder of its own, and does something with it there. */
export async function withNetworks(
  { own, quick }: Pick<BenchOptions, "own" | "quick">,
  shape: TrainedShape,
  use: (folder: string, network: Network) => Promise<void>,
): Promise<void> {
  const names = own.networks ?? (quick ? "vit-ti-8" : NETWORKS.map(({ name }) => name).join());
  for (const network of `${names}`.split(",").map(networkNamed)) {
    await inTemporaryFolder(async (folder) => {
      writeNetwork(folder, network, shape);
      await use(folder, network);
    });
  }
}

function dimsOf(name: string, { width, imageSize, patchSize }: Network): number[] {
  if (name === "cls") return [1, 1, width];
  if (name === "position") return [1, 1 + (imageSize / patchSize) ** 2, width];
  if (name === "patch.weight") return [width, 3, patchSize, patchSize];
  if (name.endsWith("fc1.weight")) return [4 * width, width];
  if (name.endsWith("fc1.bias")) return [4 * width];
  if (name.endsWith("fc2.weight")) return [width, 4 * width];
  return /(query|key|value|output)\.weight$/.test(name) ? [width, width] : [width];
}

/** Windows of one table of normal draws: 86 million draws of their own would take half a minute. */
class RandomTensors {
  static readonly #LENGTH = 1_000_003; // prime: rows of a matrix begin at different places of the table
  readonly #rng = Rng.at("network");
  readonly #table = Float32Array.from({ length: RandomTensors.#LENGTH }, () => this.#rng.normal());

  normal(dims: readonly number[], deviation: number, mean = 0): Tensor<"float32"> {
    const start = this.#rng.below(RandomTensors.#LENGTH);
    const data = new Float32Array(sizeOf(dims));
    for (let i = 0; i < data.length; i++)
      data[i] = mean + deviation * this.#table[(start + i) % RandomTensors.#LENGTH]!;
    return tensor("float32", dims, data);
  }

  /** As networks are initialized: norms near 1, biases small, matrices of deviation 0.02. */
  weight(name: string, dims: readonly number[]): Tensor<"float32"> {
    return this.normal(dims, 0.02, name.includes("norm") && name.endsWith("weight") ? 1 : 0);
  }
}
