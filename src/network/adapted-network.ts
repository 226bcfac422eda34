/** @file A frozen network with what is added to it: its graphs, compiled once and run for batches. */
import type { Batch, Images } from "../data/dataset.ts";
import { graph } from "../graph/graph.ts";
import type { Value } from "../graph/value.ts";
import { FLOAT32, type Precision } from "../nn/precision.ts";
import {
  type HeldMatrix,
  quantizedFeeds,
  quantizedMatrices,
  type Weights,
  weightFeeds,
  weightInputs,
} from "../nn/weights.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { float32Data, type Tensor } from "../tensor/tensor.ts";
import { type Adaptation, composedHooks, namesOf, type Watch } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import { Entrance } from "./entrance.ts";
import { type FeatureMemory, featureMemory } from "./feature-memory.ts";
import { type Features, widerOf, withFeatures } from "./features.ts";
import {
  type GraphParts,
  IMAGE_SHARE,
  MOMENT,
  observationGraph,
  TOKENS,
  trainingGraph,
} from "./graph-parts.ts";
import { imageShare, type MicroBatch, microBatches } from "./micro-batches.ts";
import type { Objective } from "./objective.ts";
import { type ParameterInputs, parameterInputs } from "./parameter-inputs.ts";
import { type ServedNetwork, servedNetwork } from "./served-network.ts";
import { Sessions } from "./sessions.ts";
import { asAmongOthers } from "./single-image.ts";

/** Loss and gradients of one batch. */
export interface Gradients {
  readonly loss: number;
  readonly gradients: Record<string, Float32Array>;
}

/** Features and what the adapted places saw. */
export interface Observation {
  readonly features: Float32Array; // [count, d]
  /** Σ h hᵀ over all tokens, per site that was watched. [r, r] */
  readonly moments: Readonly<Record<string, Float32Array>>;
  /** Tokens in each site's sum. */
  readonly tokens: Readonly<Record<string, number>>;
}

/** Runs the adapted network; trained values are fed, so one compiled graph serves all tasks. */
export class AdaptedNetwork {
  readonly context: NetworkContext;
  readonly #added: readonly Adaptation[];
  /** Those, and what makes the features. */
  readonly #adaptations: readonly Adaptation[];
  readonly #sessions: Sessions;
  readonly #precision: Precision;
  readonly #frozen: Record<string, Tensor>;
  /** 8-bit weights: every graph holds its own, and nothing else does. */
  readonly #held: HeldMatrix;
  readonly #entrance: Entrance;
  #serving: Tensors | undefined;
  /** Of `features`, under the weights as they are merged. */
  readonly #memory: FeatureMemory | undefined;

  constructor(context: NetworkContext, adaptations: readonly Adaptation[] = []) {
    this.context = context;
    this.#added = adaptations;
    this.#adaptations = this.#giving(context.features);
    this.#sessions = new Sessions(context.runtime);
    this.#precision = context.precision ?? FLOAT32;
    this.#frozen = weightFeeds(context.backbone.weights, this.#precision);
    this.#held = quantizedMatrices(context.backbone.weights, this.#precision);
    this.#entrance = new Entrance(context, {
      adaptations: this.#adaptations,
      adapted: this.#added.length > 0,
      sessions: this.#sessions,
      held: this.#held,
      frozen: this.#frozen,
    });
    const fed = this.#staying.some(({ feeds }) => feeds !== undefined); // with what may be made of all images of a run
    this.#memory = featureMemory(context, { width: this.width, apart: !fed });
  }

  /** Width of the features. */
  get width(): number {
    const own = this.#adaptations.flatMap(({ width }) => width ?? []);
    return own.at(-1) ?? this.context.backbone.config.hiddenSize;
  }

  /**
   * The objective of a batch and its gradients, summed over micro-batches.
   * @param values trained and fixed ones by name
   * @param trained those whose gradients are wanted; the same ones again cost no new session
   */
  async gradients(
    batch: Batch,
    values: Tensors,
    trained: readonly string[],
    objective: Objective,
  ): Promise<Gradients> {
    let loss = 0;
    const gradients: Record<string, Float32Array> = {};
    const name = `gradients of ${objective.name} by ${trained.join()}`;
    const build = (parts: GraphParts) => trainingGraph(parts, this.#adaptations, { trained, objective });
    const feeds = async (micro: MicroBatch) => ({
      ...values,
      [IMAGE_SHARE]: imageShare(micro, 1 / batch.count),
      ...(await objective.feeds(batch, micro)),
    });
    for await (const { results } of this.runs(name, batch, build, feeds, { alone: true })) {
      loss += Number(results.loss!.data[0]);
      for (const name of trained) accumulate(gradients, name, float32Data(results[`d ${name}`]!));
    }
    return { loss, gradients };
  }

  /** Features of a batch with trained values as they are, and the moments of what the adaptations see. */
  async observe(batch: Images, values: Tensors): Promise<Observation> {
    const features = new Float32Array(batch.count * this.width);
    const moments: Record<string, Float32Array> = {};
    const tokens: Record<string, number> = {};
    const feeds = (micro: MicroBatch) => ({ ...values, [IMAGE_SHARE]: imageShare(micro, 1) });
    for await (const { micro, results } of this.runs("observe", batch, observationGraph, feeds)) {
      this.#copyFeatures(features, results.features!, micro);
      for (const [name, moment] of Object.entries(results)) {
        if (!name.startsWith(MOMENT)) continue;
        const site = name.slice(MOMENT.length);
        accumulate(moments, site, float32Data(moment));
        tokens[site] = (tokens[site] ?? 0) + Number(results[TOKENS + site]!.data[0]);
      }
    }
    return { features, moments, tokens };
  }

  /** Merges trained values into the weights for `features`. Call it whenever they changed. */
  merge(values: Tensors): void {
    const { weights } = this.context.backbone;
    const merged = this.#adaptations.map(({ merging }) => merging?.weights(weights, values) ?? {});
    this.#serving = { ...this.#servingFeeds(Object.assign({}, ...merged)), ...values };
    if (Object.keys(values).length > 0) this.#memory?.forget();
  }

  /**
   * Features of a batch under the merged weights: the bare backbone's cost, plus that of what can't be merged. [count, d]
   * @param values of what can't be merged, where they are others than those that `merge` got; the same object, the same ones
   */
  features(batch: Images, values: Tensors = NONE): Promise<Float32Array> {
    if (this.#memory === undefined) return this.#computed(batch, values);
    return this.#memory.features(batch, values, (missing) => this.#computed(missing, values));
  }

  async #computed(batch: Images, values: Tensors): Promise<Float32Array> {
    const name = `features ${namesOf(this.#staying)} merged ${this.#mergedNames.join()}${this.#entrance.name}`; // fed: its shapes don't matter
    const features = new Float32Array(batch.count * this.width);
    const oneByOne = this.context.oneByOne === true && this.#precision.name === "float32";
    const ownFeeds = await this.#ownFeeds(batch);
    const unchanging = () => weightFeeds(this.context.backbone.weights, this.#precision, this.#mergedNames);
    for (const micro of this.#microBatches(batch, { oneByOne })) {
      const size = micro.images.dims[0]!;
      const build = () => graph(this.#featureGraph(size));
      const session = await this.#sessions.get(`${name} of ${size}`, build, { unchanging });
      this.#serving ??= this.#servingFeeds(this.#adaptedWeights());
      const results = await session.run({
        ...this.#serving,
        ...values,
        ...ownFeeds(micro),
        ...(await this.#entrance.feeds(micro)),
      });
      this.#copyFeatures(features, results.features!, micro);
    }
    return features;
  }

  /**
   * Runs a graph over a batch, micro-batch by micro-batch: what the passes above are made of, and any other.
   * @param name the same name and adaptations, the same graph: it is built once
   * @param feeds what it is fed with besides images, frozen weights and the adaptations' own
   */
  async *runs(
    name: string,
    batch: Images,
    build: (parts: GraphParts) => Readonly<Record<string, Value>>,
    feeds: (micro: MicroBatch) => Tensors | Promise<Tensors>,
    { alone = false }: { readonly alone?: boolean } = {},
  ): AsyncGenerator<{ readonly micro: MicroBatch; readonly results: Readonly<Record<string, Tensor>> }> {
    const session = await this.#sessions.get(
      `${name} ${namesOf(this.#adaptations)}${this.#entrance.name}`,
      () => graph(build(this.#parts())),
      { alone, unchanging: () => this.#frozen },
    );
    const ownFeeds = await this.#ownFeeds(batch);
    for (const micro of this.#microBatches(batch)) {
      const own = ownFeeds(micro);
      const more = await feeds(micro);
      const start = await this.#entrance.feeds(micro);
      const results = await session.run({ ...this.#frozen, ...own, ...more, ...start });
      yield { micro, results };
    }
  }

  /** The network at these values, for others to take over. */
  served(values: Tensors): ServedNetwork {
    return servedNetwork(this.context.backbone, this.#adaptations, values);
  }

  dispose(): Promise<void> {
    this.#memory?.forget();
    return this.#sessions.dispose();
  }

  /** Those that stay in every forward pass. */
  get #staying(): Adaptation[] {
    return this.#adaptations.filter(({ merging }) => merging === undefined);
  }

  /** The weights that merging changes. */
  get #mergedNames(): string[] {
    return this.#adaptations.flatMap(({ merging }) => merging?.names ?? []);
  }

  /** Those, as they are frozen. */
  #adaptedWeights(): Record<string, Tensor<"float32">> {
    const { weights } = this.context.backbone;
    return Object.fromEntries(this.#mergedNames.map((name) => [name, weights[name]!]));
  }

  /** All that the feature session is fed with, but what can't be merged. */
  #servingFeeds(own: Readonly<Record<string, Tensor<"float32">>>): Record<string, Tensor> {
    return { ...this.#frozen, ...weightFeeds(own, this.#precision), ...quantizedFeeds(own, this.#precision) };
  }

  /** What the adaptations are fed with in each run of a batch. */
  async #ownFeeds(batch: Images): Promise<(micro: MicroBatch) => Tensors> {
    const all = await Promise.all(this.#adaptations.map((each) => each.feeds?.(batch)));
    return (micro) => Object.assign({}, ...all.map((feeds) => feeds?.(micro)));
  }

  #microBatches(batch: Images, how: { readonly oneByOne?: boolean } = {}): Generator<MicroBatch> {
    const { microBatch, backbone } = this.context;
    return microBatches(batch, microBatch, backbone.config.imageSize, how);
  }

  #copyFeatures(target: Float32Array, features: Tensor, { start, count }: MicroBatch): void {
    target.set(float32Data(features).subarray(0, count * this.width), start * this.width);
  }

  #parts(): GraphParts {
    const size = this.context.microBatch;
    const values = parameterInputs(size);
    const frozen = weightInputs(this.#precision, this.#held);
    return {
      size,
      values,
      features: (watch, least) => this.#forward(size, frozen, values, this.#giving(least), watch),
    };
  }

  /** All adaptations, with features of that kind at least. */
  #giving(least: Features | undefined): readonly Adaptation[] {
    const { backbone, features } = this.context;
    return withFeatures(this.#added, backbone.config, widerOf(features, least));
  }

  /** Merging changes the adapted layers: they are fed, and the session stays. */
  #featureGraph(size: number): Record<string, Value> {
    const merged = new Set(this.#mergedNames);
    const weights = weightInputs(this.#precision, (layer, way) =>
      merged.has(`${layer}.weight`) ? undefined : this.#held(layer, way),
    );
    const values = parameterInputs(size);
    const features = this.#forward(size, weights, values, this.#staying);
    return size < this.context.microBatch ? asAmongOthers({ features }) : { features };
  }

  #forward(
    size: number,
    frozen: Weights,
    values: ParameterInputs,
    adaptations: readonly Adaptation[],
    watch?: Watch,
  ): Value {
    const weights = adaptations.reduce((own, each) => each.weights?.(own, values) ?? own, frozen);
    const hooks = composedHooks(adaptations.map((each) => each.hooks(values, watch)));
    return this.#entrance.features(size, weights, hooks);
  }
}

/** No values of one's own. */
const NONE: Tensors = {};

function accumulate(sums: Record<string, Float32Array>, name: string, values: Float32Array): void {
  const sum = sums[name];
  if (sum === undefined) sums[name] = values.slice();
  else for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}
