/** @file Low-rank updates of linear layers, W = W0 + B C A: trained beside the frozen weights, merged into them to serve. */
import type { Value } from "../graph/value.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { addLowRank, type LowRankFactors, project } from "../nn/low-rank.ts";
import { changedWeight, type LowRankUpdate } from "../nn/low-rank-update.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";
import { product } from "../tensor/linear-algebra.ts";
import { float32Data, tensor } from "../tensor/tensor.ts";
import type { Adaptation, Merging } from "./adaptation.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Which layers, and how. */
export interface LowRankOptions {
  /** Linear layers with an update, such as "blocks.0.query". */
  readonly sites: readonly string[];
  readonly rank: number;
  /** W0 + B C A instead of W0 + B A. */
  readonly core?: boolean;
}

/**
 * Updates of the layers: values `${site}.a` [r, in], `${site}.b` [out, r] and, with a core, `${site}.core` [r, r].
 * A watch hears h = x Aᵀ. [n, r]
 * @throws InputError if a site is too small for the rank
 */
export function lowRank(backbone: Backbone, { sites, rank, core = false }: LowRankOptions): Adaptation {
  checkRank(backbone, sites, rank);
  const factors = (values: ParameterInputs, site: string, x: Value, y: Value): LowRankFactors => ({
    a: values(`${site}.a`, [rank, x.dims[1]!]),
    b: values(`${site}.b`, [y.dims[1]!, rank]),
    ...(core ? { core: values(`${site}.core`, [rank, rank]) } : {}),
  });
  return {
    name: `low rank ${rank}${core ? " with core" : ""} at ${sites.join()}`,
    from: firstBlock(sites),
    hooks: (values, watch) => ({
      linear(site, x, y) {
        if (!sites.includes(site)) return y;
        const own = factors(values, site, x, y);
        const h = project(x, own);
        watch?.(site, h);
        return addLowRank(y, h, own);
      },
    }),
    merging: {
      names: sites.map((site) => `${site}.weight`),
      weights: merged(sites, rank, core),
      updates: (values) =>
        Object.fromEntries(sites.map((site) => [site, updateOf(values, site, rank, core)] as const)),
    },
  };
}

/** The first block of some sites. */
export const firstBlock = (sites: readonly string[]): number =>
  Math.min(...sites.map((site) => Number(/^blocks\.(\d+)\./.exec(site)?.[1] ?? 0)));

/** B C and A of a site. */
function updateOf(values: Tensors, site: string, rank: number, core: boolean): LowRankUpdate {
  const [a, b] = [values[`${site}.a`]!, values[`${site}.b`]!];
  const lift = core ? product(float32Data(b), rank, float32Data(values[`${site}.core`]!), rank) : b.data;
  return {
    a: tensor("float32", a.dims, float32Data(a)),
    b: tensor("float32", b.dims, Float32Array.from(lift as ArrayLike<number>)),
  };
}

/**
 * A subspace has no more directions than the layer; bases of more can't be orthonormal.
 * @throws InputError if a site is too small for the rank
 */
export function checkRank({ weights }: Backbone, sites: readonly string[], rank: number): void {
  for (const site of sites) {
    const [out, width] = weights[`${site}.weight`]!.dims as [number, number];
    if (rank > Math.min(out, width)) {
      throw new InputError(
        `rank is ${rank}, but ${site} is [${out}, ${width}]; choose ${Math.min(out, width)} or less`,
      );
    }
  }
}

/** W = W0 + B C A for every site. */
const merged =
  (sites: readonly string[], rank: number, core: boolean): Merging["weights"] =>
  (frozen, values) =>
    Object.fromEntries(
      sites.map((site) => {
        const weight = frozen[`${site}.weight`]!;
        const [, width] = weight.dims as [number, number];
        const b = float32Data(values[`${site}.b`]!);
        const lift = core ? product(b, rank, float32Data(values[`${site}.core`]!), rank) : b;
        const update = product(lift, rank, float32Data(values[`${site}.a`]!), width);
        return [`${site}.weight`, changedWeight(weight, update)];
      }),
    );
