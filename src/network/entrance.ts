/** @file Where graphs begin: at the images, or at the tokens which frozen first blocks have left of them. */
import type { Images } from "../data/dataset.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type Value } from "../graph/value.ts";
import { embed } from "../nn/embedding.ts";
import { FLOAT32 } from "../nn/precision.ts";
import { tokensFrom } from "../nn/tokens.ts";
import {
  featuresFrom,
  patchCount,
  runBlocks,
  tokensBeforePatches,
  type VitHooks,
  vitFeatures,
} from "../nn/vit.ts";
import { type HeldMatrix, type Weights, weightInputs } from "../nn/weights.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import { digestOf } from "./feature-memory.ts";
import { type MicroBatch, microBatches } from "./micro-batches.ts";
import type { Sessions } from "./sessions.ts";
import { asAmongOthers } from "./single-image.ts";

/** Inputs of a graph. */
const IMAGES = "images";
const START = "start";

/** What an entrance's own graph is made of and fed with. */
export interface EntranceParts {
  /** All of them, and whether any does more than making features: of an untouched network nothing is kept. */
  readonly adaptations: readonly Adaptation[];
  readonly adapted: boolean;
  readonly sessions: Sessions;
  readonly held: HeldMatrix;
  readonly frozen: Tensors;
}

/**
 * The entrance of one network. While a task is at work (`NetworkContext.activations`), blocks before the first that is
 * adapted are computed once a view of an image: for all of the task's views in their own order, and for any other alone, so
 * that what they leave doesn't depend on the order in which it is asked for.
 */
export class Entrance {
  readonly #context: NetworkContext;
  readonly #parts: EntranceParts;
  /** The first block that is adapted. */
  readonly #from: number;

  constructor(context: NetworkContext, parts: EntranceParts) {
    this.#context = context;
    this.#parts = parts;
    this.#from = Math.min(...parts.adaptations.map(({ from = 0 }) => from), context.backbone.config.layers);
  }

  /** Names where graphs begin now. */
  get name(): string {
    return this.#after === 0 ? "" : ` after ${this.#after} blocks`;
  }

  /** Features of a run of `size` images. [size, d], or as `pool` */
  features(size: number, weights: Weights, hooks: VitHooks): Value {
    const { config } = this.#context.backbone;
    if (this.#after === 0) return vitFeatures(config, weights, this.#images(size), hooks);
    const tokens = input(START, "float32", [size, this.#tokens, config.hiddenSize]);
    return featuresFrom(config, weights, tokensFrom(config, tokens), hooks, { from: this.#after });
  }

  /** What those graphs are fed with. */
  async feeds({ images }: Pick<MicroBatch, "images">): Promise<Record<string, Tensor>> {
    const { activations, backbone } = this.#context;
    const from = this.#after;
    if (from === 0) return { [IMAGES]: images };
    await activations!.fill(`${from}`, (batch) => this.#ofAll(batch));
    const { hiddenSize } = backbone.config;
    const [size] = images.dims as [number];
    const width = this.#tokens * hiddenSize;
    const all = new Float32Array(size * width);
    for (const [i, image] of imagesOf(images).entries()) {
      all.set(await activations!.of(await this.#key(image), () => this.#computed(1, image)), i * width);
    }
    return { [START]: tensor("float32", [size, this.#tokens, hiddenSize], all) };
  }

  /** What the first blocks leave of each image, by its key. */
  async #ofAll(batch: Images): Promise<(readonly [string, Float32Array])[]> {
    const { microBatch, backbone } = this.#context;
    const width = this.#tokens * backbone.config.hiddenSize;
    const found: (readonly [string, Float32Array])[] = [];
    for (const { images, count } of microBatches(batch, microBatch, backbone.config.imageSize)) {
      const all = await this.#computed(microBatch, images.data);
      for (const [i, image] of imagesOf(images).slice(0, count).entries())
        found.push([await this.#key(image), all.subarray(i * width, (i + 1) * width)]);
    }
    return found;
  }

  async #key(image: Uint8Array): Promise<string> {
    return `${this.#from} ${await digestOf(image)}`;
  }

  /** Blocks that are computed once; 0 where nothing is. */
  get #after(): number {
    return this.#parts.adapted && this.#context.activations?.isOpen === true ? this.#from : 0;
  }

  async #computed(size: number, images: Uint8Array): Promise<Float32Array> {
    const { sessions, held, frozen } = this.#parts;
    const { config } = this.#context.backbone;
    const to = this.#from;
    const build = (): Graph => {
      const weights = weightInputs(this.#context.precision ?? FLOAT32, held);
      const start = tokensFrom(config, embed(config, weights, this.#images(size)));
      const tokens = { tokens: runBlocks(config, weights, start, {}, { to }).values };
      return graph(size < this.#context.microBatch ? asAmongOthers(tokens) : tokens);
    };
    const session = await sessions.get(`tokens after ${to} blocks of ${size}`, build, {
      unchanging: () => frozen,
    });
    const side = config.imageSize;
    const results = await session.run({
      ...frozen,
      [IMAGES]: tensor("uint8", [size, side, side, 3], images),
    });
    return float32Data(results.tokens!);
  }

  get #tokens(): number {
    const { config } = this.#context.backbone;
    return tokensBeforePatches(config) + patchCount(config);
  }

  #images(size: number): Value {
    const { imageSize } = this.#context.backbone.config;
    return input(IMAGES, "uint8", [size, imageSize, imageSize, 3]);
  }
}

/** The images of a run, one by one. */
function imagesOf({ data, dims }: Tensor<"uint8">): Uint8Array[] {
  const size = dims[0]!;
  const bytes = data.length / size;
  return Array.from({ length: size }, (_, i) => data.subarray(i * bytes, (i + 1) * bytes));
}
