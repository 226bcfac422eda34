/** @file Low-rank changes of one task on top of weights of one's own: W = V + Σ_p f_p B_p A_p, folded into V when the task ends. */
import type { Backbone } from "../nn/checkpoint.ts";
import { project } from "../nn/low-rank.ts";
import { add, matmul } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { product } from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import { checkRank } from "./low-rank.ts";

/** One change of every layer. */
export interface LowRankPair {
  /** Prefix of its values. */
  readonly name: string;
  readonly rank: number;
  /** f: what its output is multiplied by. */
  readonly factor: number;
}

/** Which layers, and how. */
export interface LowRankPairsOptions {
  readonly sites: readonly string[];
  readonly pairs: readonly LowRankPair[];
  /** Whose A a site has: its own, if that isn't given. */
  readonly inputOf?: (site: string) => string;
}

/**
 * Values `NAME/${input}.a` [r, in] and `NAME/${site}.b` [out, r] of every pair. It goes with `ownWeights` of the layers: what
 * it has learned is added to these (`foldedPairs`), and nothing of it stays.
 * @throws InputError if a site is too small for a rank
 */
export function lowRankPairs(backbone: Backbone, options: LowRankPairsOptions): Adaptation {
  const { sites, pairs, inputOf = (site) => site } = options;
  for (const { rank } of pairs) checkRank(backbone, sites, rank);
  const named = pairs.map(({ name, rank, factor }) => `${factor} ${name} of rank ${rank}`);
  return {
    name: `pairs ${named.join()} at ${sites.join()}`,
    hooks: (values) => ({
      linear(site, x, y) {
        if (!sites.includes(site)) return y;
        return pairs.reduce((sum, { name, rank, factor }) => {
          const a = values(`${name}/${inputOf(site)}.a`, [rank, x.dims[1]!]);
          const b = values(`${name}/${site}.b`, [y.dims[1]!, rank]);
          return add(sum, matmul(project(x, { a, b }), b, { transposeB: true, alpha: factor }));
        }, y);
      },
    }),
    merging: { names: [], weights: () => ({}) }, // nothing stays
  };
}

/** Values of pairs that change nothing. */
export function zeroPairs({ weights }: Backbone, options: LowRankPairsOptions): Record<string, Tensor> {
  const { sites, pairs, inputOf = (site) => site } = options;
  const all = pairs.flatMap(({ name, rank }) =>
    sites.map((site) => {
      const [out, width] = weights[`${site}.weight`]!.dims as [number, number];
      return {
        [`${name}/${inputOf(site)}.a`]: zeroTensor([rank, width]),
        [`${name}/${site}.b`]: zeroTensor([out, rank]),
      };
    }),
  );
  return Object.assign({}, ...all);
}

/** V + Σ_p f_p B_p A_p of a site. */
export function foldedPairs(
  weight: Tensor,
  values: Tensors,
  { pairs, inputOf = (site) => site }: LowRankPairsOptions,
  site: string,
): Tensor<"float32"> {
  const width = weight.dims[1]!;
  const sum = Float64Array.from(float32Data(weight));
  for (const { name, rank, factor } of pairs) {
    const [a, b] = [values[`${name}/${inputOf(site)}.a`]!, values[`${name}/${site}.b`]!];
    const update = product(float32Data(b), rank, float32Data(a), width);
    for (let i = 0; i < sum.length; i++) sum[i]! += factor * update[i]!;
  }
  return tensor("float32", weight.dims, Float32Array.from(sum));
}
