/** @file A trained network as another program can take it over: weights with the changes folded in, and what stays. */
import { constant, type Value } from "../graph/value.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import type { LowRankUpdates } from "../nn/low-rank-update.ts";
import { type VitConfig, vitFeatures } from "../nn/vit.ts";
import type { Weights } from "../nn/weights.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Adaptation, composedHooks } from "./adaptation.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** What can't be folded into the weights and belongs to every forward pass. */
export interface StayingPart {
  /** "4 prompt tokens" */
  readonly name: string;
  /** Tokens alone: without them the rest is an ordinary ViT, which gives other features. */
  readonly prompts: boolean;
}

/** A network between tasks. */
export interface ServedNetwork {
  readonly backbone: Backbone;
  /** All weights, changes folded in. */
  readonly weights: Readonly<Record<string, Tensor<"float32">>>;
  /** Names of those that are not the backbone's. */
  readonly changed: readonly string[];
  /** The changes of layers that are low-rank: "blocks.0.query". */
  readonly updates: LowRankUpdates;
  readonly staying: readonly StayingPart[];
  /**
   * Features with all that stays, as a graph whose trained values are constants. [B, d]
   * @param config the network's, but for pixel statistics where images are no bytes
   * @throws InputError if a part is computed outside of the graph
   */
  features(config: VitConfig, weights: Weights, images: Value): Value;
}

/** The network of these adaptations at these values. */
export function servedNetwork(
  backbone: Backbone,
  adaptations: readonly Adaptation[],
  values: Tensors,
): ServedNetwork {
  const merging = adaptations.flatMap((each) => each.merging ?? []);
  const staying = adaptations.filter((each) => each.merging === undefined);
  const fixed = constantsOf(values);
  const merged = merging.map((each) => each.weights(backbone.weights, values));
  return {
    backbone,
    weights: Object.assign({}, backbone.weights, ...merged),
    changed: merging.flatMap(({ names }) => names),
    updates: Object.assign({}, ...merging.map((each) => each.updates?.(values) ?? {})),
    staying: staying.map((each) => ({
      name: each.name,
      prompts: each.weights === undefined && Object.keys(each.hooks(fixed)).join() === "prompts",
    })),
    features(config, weights, images) {
      const fed = staying.find(({ feeds }) => feeds !== undefined);
      if (fed !== undefined) {
        throw new InputError(
          `${fed.name}: is computed for the images at hand, outside of the network's graph`,
        );
      }
      const own = staying.reduce((all, each) => each.weights?.(all, fixed) ?? all, weights);
      return vitFeatures(config, own, images, composedHooks(staying.map((each) => each.hooks(fixed))));
    },
  };
}

/** Trained values as constants, in a graph for one image: the same name gives the same one. */
function constantsOf(values: Tensors): ParameterInputs {
  const known = new Map<string, Value>();
  const parameters = (name: string): Value => {
    const value = known.get(name) ?? constant(values[name]!);
    known.set(name, value);
    return value;
  };
  return Object.assign(parameters, { known, images: 1 });
}
