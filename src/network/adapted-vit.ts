/** @file A frozen ViT with low-rank updates and prompts: its graphs, compiled once and run for batches. */
import { backward } from "../autodiff/backward.ts";
import type { Batch, Images } from "../data/dataset.ts";
import { graph } from "../graph/graph.ts";
import { input, type Value } from "../graph/value.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { linear } from "../nn/linear.ts";
import { crossEntropy } from "../nn/loss.ts";
import { addLowRank, type LowRankFactors, project } from "../nn/low-rank.ts";
import { FLOAT32, type Precision } from "../nn/precision.ts";
import { type VitHooks, vitFeatures } from "../nn/vit.ts";
import {
  type HeldMatrix,
  quantizedFeeds,
  quantizedMatrices,
  type Weights,
  weightFeeds,
  weightInputs,
} from "../nn/weights.ts";
import { add, expand, matmul, mul, reshape } from "../ops/index.ts";
import type { Session, Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import { mergedWeights } from "./merge.ts";
import { type MicroBatch, microBatches } from "./micro-batches.ts";
import { type ParameterInputs, parameterInputs } from "./parameter-inputs.ts";

/** Loss and gradients of one batch. */
export interface Gradients {
  readonly loss: number;
  readonly gradients: Record<string, Float32Array>;
}

/** Features and what the adapted sites saw. */
export interface Observation {
  readonly features: Float32Array; // [count, d]
  /** Σ h hᵀ over all tokens, per site. [r, r] */
  readonly moments: Readonly<Record<string, Float32Array>>;
  /** Tokens in each site's sum. */
  readonly tokens: Readonly<Record<string, number>>;
}

/** Runs the adapted network; parameters are fed, so one compiled graph serves all tasks. */
export class AdaptedVit {
  readonly context: NetworkContext;
  readonly adaptation: Adaptation;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #precision: Precision;
  readonly #frozen: Record<string, Tensor>;
  /** 8-bit weights: every graph holds its own, and nothing else does. */
  readonly #held: HeldMatrix;
  #merged: Record<string, Tensor> | undefined;

  /** @throws InputError if a site is too small for the rank */
  constructor(context: NetworkContext, adaptation: Adaptation) {
    checkRank(context.backbone, adaptation);
    this.context = context;
    this.adaptation = adaptation;
    this.#precision = context.precision ?? FLOAT32;
    this.#frozen = weightFeeds(context.backbone.weights, this.#precision);
    this.#held = quantizedMatrices(context.backbone.weights, this.#precision);
  }

  /** Width of the features. */
  get width(): number {
    return this.context.backbone.config.hiddenSize;
  }

  /**
   * Mean cross-entropy of a batch over the head's rows and its gradients, summed over micro-batches.
   * @param trained parameters whose gradients are wanted; the same ones again cost no new session
   * @param head its rows stand for `classes` in this order; rows up to `capacity` are masked
   */
  async gradients(
    batch: Batch,
    parameters: Tensors,
    trained: readonly string[],
    head: { readonly classes: readonly number[]; readonly capacity: number },
  ): Promise<Gradients> {
    const { capacity, classes } = head;
    const size = this.context.microBatch;
    const session = await this.#gradientSession(capacity, trained);
    const classMask = Float32Array.from({ length: capacity }, (_, row) => (row < classes.length ? 0 : -1e9));
    let loss = 0;
    const gradients: Record<string, Float32Array> = {};
    for (const micro of this.#microBatches(batch)) {
      const targets = new Float32Array(size * capacity);
      for (let i = 0; i < micro.count; i++) {
        const row = classes.indexOf(batch.labels[micro.start + i]!);
        targets[i * capacity + row] = 1 / batch.count;
      }
      const results = await session.run({
        ...this.#frozen,
        ...parameters,
        images: micro.images,
        targets: tensor("float32", [size, capacity], targets),
        classMask: tensor("float32", [capacity], classMask),
      });
      loss += Number(results.loss!.data[0]);
      for (const name of trained) accumulate(gradients, name, float32Data(results[`d ${name}`]!));
    }
    return { loss, gradients };
  }

  /** Features of a batch with the parameters as they are, and the moments of the sites' projected inputs. */
  async observe(batch: Batch, parameters: Tensors): Promise<Observation> {
    const session = await this.#session("observe", () => this.#observationGraph());
    const features = new Float32Array(batch.count * this.width);
    const moments: Record<string, Float32Array> = {};
    const tokens: Record<string, number> = {};
    for (const micro of this.#microBatches(batch)) {
      const weight = Float32Array.from({ length: this.context.microBatch }, (_, i) =>
        Number(i < micro.count),
      );
      const results = await session.run({
        ...this.#frozen,
        ...parameters,
        images: micro.images,
        imageWeight: tensor("float32", [weight.length], weight),
      });
      this.#copyFeatures(features, results.features!, micro);
      for (const site of this.adaptation.sites) {
        accumulate(moments, site, float32Data(results[`moment ${site}`]!));
        tokens[site] = (tokens[site] ?? 0) + Number(results[`tokens ${site}`]!.data[0]);
      }
    }
    return { features, moments, tokens };
  }

  /** Merges the parameters into the weights for `features`. Call it whenever they changed. */
  merge(parameters: Tensors): void {
    const merged = mergedWeights(this.context.backbone.weights, this.adaptation, parameters);
    this.#merged = {
      ...this.#servingFeeds(merged),
      ...(this.adaptation.promptTokens > 0 ? { prompts: parameters.prompts! } : {}),
    };
  }

  /** Features of a batch under the merged weights: the bare backbone's cost (plus prompts). [count, d] */
  async features(batch: Images): Promise<Float32Array> {
    const session = await this.#session("features", () => this.#featureGraph());
    const features = new Float32Array(batch.count * this.width);
    for (const micro of this.#microBatches(batch)) {
      this.#merged ??= this.#servingFeeds(this.context.backbone.weights);
      const results = await session.run({ ...this.#merged, images: micro.images });
      this.#copyFeatures(features, results.features!, micro);
    }
    return features;
  }

  async dispose(): Promise<void> {
    for (const session of this.#sessions.values()) await (await session).dispose();
    this.#sessions.clear();
  }

  /** All that the feature session is fed with, but prompts. `weights` has the adapted sites' own. */
  #servingFeeds(weights: Readonly<Record<string, Tensor<"float32">>>): Record<string, Tensor> {
    const own = Object.fromEntries(
      this.adaptation.sites.map((site) => [`${site}.weight`, weights[`${site}.weight`]!]),
    );
    return { ...this.#frozen, ...weightFeeds(own, this.#precision), ...quantizedFeeds(own, this.#precision) };
  }

  #session(key: string, build: () => Readonly<Record<string, Value>>): Promise<Session> {
    const known = this.#sessions.get(key) ?? this.context.runtime.compile(graph(build()));
    this.#sessions.set(key, known);
    return known;
  }

  /** One at a time: a training session holds the activations of a whole run. */
  async #gradientSession(capacity: number, trained: readonly string[]): Promise<Session> {
    const key = `gradients ${capacity} ${trained.join()}`;
    for (const [other, session] of this.#sessions) {
      if (!other.startsWith("gradients") || other === key) continue;
      this.#sessions.delete(other);
      await (await session).dispose();
    }
    return this.#session(key, () => this.#trainingGraph(capacity, trained));
  }

  #microBatches(batch: Images): Generator<MicroBatch> {
    return microBatches(batch, this.context.microBatch, this.context.backbone.config.imageSize);
  }

  #copyFeatures(target: Float32Array, features: Tensor, { start, count }: MicroBatch): void {
    target.set(float32Data(features).subarray(0, count * this.width), start * this.width);
  }

  #images(): Value {
    const { imageSize } = this.context.backbone.config;
    return input("images", "uint8", [this.context.microBatch, imageSize, imageSize, 3]);
  }

  #trainingGraph(capacity: number, trained: readonly string[]): Record<string, Value> {
    const parameters = parameterInputs();
    const weights = weightInputs(this.#precision, this.#held);
    const features = this.#forward(weights, parameters);
    const weight = parameters("head.weight", [capacity, this.width]);
    const logits = linear(features, weight, parameters("head.bias", [capacity]));
    const masked = add(logits, input("classMask", "float32", [capacity]));
    const loss = crossEntropy(masked, input("targets", "float32", [this.context.microBatch, capacity]));
    const known = parameters.known;
    const gradients = backward(
      loss,
      trained.map((name) => known.get(name)!),
    );
    return { loss, ...Object.fromEntries(trained.map((name, i) => [`d ${name}`, gradients[i]!])) };
  }

  #observationGraph(): Record<string, Value> {
    const size = this.context.microBatch;
    const imageWeight = input("imageWeight", "float32", [size]);
    const outputs: Record<string, Value> = {};
    const weights = weightInputs(this.#precision, this.#held);
    const features = this.#forward(weights, parameterInputs(), (site, h) => {
      const perImage = h.dims[0]! / size;
      const weight = reshape(expand(reshape(imageWeight, [size, 1]), [size, perImage]), [size * perImage, 1]);
      outputs[`moment ${site}`] = matmul(mul(h, weight), h, { transposeA: true });
      outputs[`tokens ${site}`] = matmul(weight, weight, { transposeA: true });
    });
    return { features, ...outputs };
  }

  #featureGraph(): Record<string, Value> {
    const { config } = this.context.backbone;
    const { sites } = this.adaptation;
    // Merging changes the adapted sites: they are fed, and the session stays.
    const weights = weightInputs(this.#precision, (layer, way) =>
      sites.includes(layer) ? undefined : this.#held(layer, way),
    );
    return { features: vitFeatures(config, weights, this.#images(), this.#prompts(parameterInputs())) };
  }

  #forward(
    weights: Weights,
    parameters: ParameterInputs,
    onProjected?: (site: string, h: Value) => void,
  ): Value {
    const { sites, rank, core } = this.adaptation;
    const hooks: VitHooks = {
      ...this.#prompts(parameters),
      linear: (site, x, y) => {
        if (!sites.includes(site)) return y;
        const factors: LowRankFactors = {
          a: parameters(`${site}.a`, [rank, x.dims[1]!]),
          b: parameters(`${site}.b`, [y.dims[1]!, rank]),
          ...(core ? { core: parameters(`${site}.core`, [rank, rank]) } : {}),
        };
        const h = project(x, factors);
        onProjected?.(site, h);
        return addLowRank(y, h, factors);
      },
    };
    return vitFeatures(this.context.backbone.config, weights, this.#images(), hooks);
  }

  #prompts(parameters: ParameterInputs): VitHooks {
    const { promptTokens } = this.adaptation;
    if (promptTokens === 0) return {};
    return {
      prompts: (block) => (block === 0 ? parameters("prompts", [promptTokens, this.width]) : undefined),
    };
  }
}

/** A subspace has no more directions than the layer; bases of more can't be orthonormal. */
function checkRank({ weights }: Backbone, { sites, rank }: Adaptation): void {
  for (const site of sites) {
    const [out, width] = weights[`${site}.weight`]!.dims as [number, number];
    if (rank > Math.min(out, width)) {
      throw new InputError(
        `rank is ${rank}, but ${site} is [${out}, ${width}]; choose ${Math.min(out, width)} or less`,
      );
    }
  }
}

function accumulate(sums: Record<string, Float32Array>, name: string, values: Float32Array): void {
  const sum = sums[name];
  if (sum === undefined) sums[name] = values.slice();
  else for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}
