/** @file What is added to a frozen network: behavior in its graphs, not a record of numbers. */
import type { Images } from "../data/dataset.ts";
import type { Value } from "../graph/value.ts";
import type { LowRankUpdates } from "../nn/low-rank-update.ts";
import type { VitHooks } from "../nn/vit.ts";
import type { Weights } from "../nn/weights.ts";
import { add } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { MicroBatch } from "./micro-batches.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Hears what a place of the network sees: rows [n, k], one a token of every image. */
export type Watch = (site: string, rows: Value) => void;

/** Weights with an adaptation folded in: after that, it costs nothing to serve. */
export interface Merging {
  /** The weights that change: "blocks.0.query.weight". */
  readonly names: readonly string[];
  /** Those weights, from the frozen ones and the adaptation's values. */
  weights(
    frozen: Readonly<Record<string, Tensor<"float32">>>,
    values: Tensors,
  ): Record<string, Tensor<"float32">>;
  /** The same changes by layer ("blocks.0.query"), where they are low-rank: what is exchanged as an adapter. */
  updates?(values: Tensors): LowRankUpdates;
}

/**
 * One thing that is added to a network: a low-rank update, prompts, an adapter, weights of one's own. Its trained values
 * are graph inputs, so that they may change without a new graph; which they are and their shapes, its hooks say.
 */
export interface Adaptation {
  /** Names its part of every graph: it must change when the shapes of its values do (and between tasks they may). */
  readonly name: string;
  /** The first block that it changes or sees; 0 if it isn't given. Those before are the bare backbone's. */
  readonly from?: number;
  /** Where it hooks in. `watch` hears what it sees, for those who sum up moments. */
  hooks(values: ParameterInputs, watch?: Watch): VitHooks;
  /** The frozen weights with those that it has of its own. */
  weights?(frozen: Weights, values: ParameterInputs): Weights;
  /**
   * A term of the training loss besides the objective's, a scalar; it is asked for after the hooks. Every micro-batch
   * adds its own, so a term counts once a batch if it is weighted by `imageShare`.
   * @param imageShare 1 / images of the batch, and 0 for an image that only fills up a run. [images of a run]
   */
  loss?(values: ParameterInputs, imageShare: Value): Value;
  /** What its hooks are fed with that belongs to the images at hand: asked once a batch, and for each run of it then. */
  feeds?(batch: Images): Promise<(run: MicroBatch) => Tensors>;
  /** Width of the features that its `pool` hook gives, if it has one. */
  readonly width?: number;
  /** How to fold it into the weights; left out where that can't be done, and it stays in every forward pass. */
  readonly merging?: Merging;
}

/** The hooks of several adaptations as one: changes of a layer add up, and so do branches; all see what is observed. */
export function composedHooks(all: readonly VitHooks[]): VitHooks {
  const having = <Name extends keyof VitHooks>(name: Name): NonNullable<VitHooks[Name]>[] =>
    all.flatMap((hooks) => hooks[name] ?? []) as NonNullable<VitHooks[Name]>[];
  const alone = <Name extends keyof VitHooks>(name: Name): Pick<VitHooks, Name> | undefined => {
    const found = having(name);
    if (found.length > 1) throw new Error(`network: two adaptations want ${name} for themselves`);
    return found.length === 0 ? undefined : ({ [name]: found[0] } as Pick<VitHooks, Name>);
  };
  const [linear, beside, observe] = [having("linear"), having("beside"), having("observe")];
  return {
    ...(linear.length > 0 && {
      linear: (site, x, y) => linear.reduce((sum, change) => change(site, x, sum), y),
    }),
    ...(beside.length > 0 && {
      beside(half, block, tokens) {
        const branches = beside.flatMap((branch) => branch(half, block, tokens) ?? []);
        return branches.length === 0 ? undefined : branches.reduce((sum, branch) => add(sum, branch));
      },
    }),
    ...(observe.length > 0 && {
      observe(block, tokens) {
        for (const see of observe) see(block, tokens);
      },
    }),
    ...alone("prompts"),
    ...alone("prefix"),
    ...alone("pool"),
    ...alone("kept"),
  };
}

/** Names a set of adaptations: the same ones, the same graphs. */
export const namesOf = (adaptations: readonly Adaptation[]): string =>
  adaptations.map(({ name }) => name).join(" and ");
