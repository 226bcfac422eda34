/** @file Low-rank updates of linear layers, a pair a task: W = W0 + Σ_s α_s B_s A_s. Past pairs are stacked, as one of higher rank. */
import type { Value } from "../graph/value.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { addLowRank, project } from "../nn/low-rank.ts";
import { changedWeight } from "../nn/low-rank-update.ts";
import { add, expand, matmul, mul, reshape, slice } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { product, transposed } from "../tensor/linear-algebra.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import { checkRank, firstBlock } from "./low-rank.ts";

/** Which layers, and how. */
export interface TaskLowRankOptions {
  readonly sites: readonly string[];
  /** Of one task's pair. */
  readonly rank: number;
  /** How many past pairs there are now. */
  readonly past: () => number;
  /** Whose A a site has: its own, if that isn't given. */
  readonly inputOf?: (site: string) => string;
  /** Whose scales α a site's pairs have; without them, every pair counts as it is. */
  readonly scalesOf?: (site: string) => string;
}

/**
 * Values `${input}.a` [r, in] and `${site}.b` [out, r] of the task at hand; from the second on `${input}.past.a` [n r, in] and
 * `${site}.past.b` [n r, out], the transposes of all B; with scales, `${name}.scales` [n + 1], the task at hand last.
 * @throws InputError if a site is too small for the rank
 */
export function taskLowRank(backbone: Backbone, options: TaskLowRankOptions): Adaptation {
  const { sites, rank, past, inputOf = (site) => site, scalesOf } = options;
  checkRank(backbone, sites, rank);
  return {
    get name() {
      return `${past()} past pairs and one of rank ${rank} at ${sites.join()}`;
    },
    from: firstBlock(sites),
    hooks: (values) => ({
      linear(site, x, y) {
        if (!sites.includes(site)) return y;
        const [width, out, stacked] = [x.dims[1]!, y.dims[1]!, past() * rank];
        const scales = scalesOf === undefined ? undefined : values(`${scalesOf(site)}.scales`, [past() + 1]);
        const pair = {
          a: values(`${inputOf(site)}.a`, [rank, width]),
          b: values(`${site}.b`, [out, rank]),
        };
        const own = project(x, pair);
        const sum = addLowRank(y, scaled(own, scales, past(), past() + 1), pair);
        if (stacked === 0) return sum;
        const h = matmul(x, values(`${inputOf(site)}.past.a`, [stacked, width]), { transposeB: true });
        return add(sum, matmul(scaled(h, scales, 0, past()), values(`${site}.past.b`, [stacked, out])));
      },
    }),
    merging: {
      names: sites.map((site) => `${site}.weight`),
      weights: (frozen, values) =>
        Object.fromEntries(
          sites.map((site) => {
            const update = summed(values, { site, rank, input: inputOf(site), scales: scalesOf?.(site) });
            return [`${site}.weight`, changedWeight(frozen[`${site}.weight`]!, update)];
          }),
        ),
    },
  };
}

/** Each task's columns of h times its scale: those of tasks `from` <= s < `to`. h: [n, (to - from) r] */
function scaled(h: Value, scales: Value | undefined, from: number, to: number): Value {
  if (scales === undefined) return h;
  const [rows, columns] = h.dims as [number, number];
  const [tasks, rank] = [to - from, columns / (to - from)];
  const own = expand(reshape(slice(scales, 0, from, to), [tasks, 1]), [tasks, rank]);
  return mul(h, expand(reshape(own, [1, columns]), [rows, columns]));
}

interface SitePairs {
  readonly site: string;
  readonly input: string;
  readonly scales: string | undefined;
  readonly rank: number;
}

/** Σ_s α_s B_s A_s of a site. [out, in] */
function summed(values: Tensors, { site, input, scales, rank }: SitePairs): Float64Array {
  const [a, b] = [values[`${input}.a`]!, values[`${site}.b`]!];
  const [out, width] = [b.dims[0]!, a.dims[1]!];
  const [pastA, pastB] = [values[`${input}.past.a`], values[`${site}.past.b`]];
  const alpha = scales === undefined ? undefined : float32Data(values[`${scales}.scales`]!);
  const last = alpha?.at(-1) ?? 1;
  const sum = product(float32Data(b), rank, float32Data(a), width).map((value) => last * value);
  if (pastA === undefined || pastB === undefined) return sum;
  const stacked = pastA.dims[0]!;
  const rows = float32Data(pastB).map((value, i) => value * (alpha?.[Math.floor(i / out / rank)] ?? 1));
  const before = product(transposed(rows, stacked, out), stacked, float32Data(pastA), width);
  return sum.map((value, i) => value + before[i]!);
}

/** The pair at hand on top of the past ones: `past.a` and `past.b` of a next task. */
export function stackedPair(values: Tensors, input: string, site: string): { a: Tensor; b: Tensor } {
  const [a, b] = [values[`${input}.a`]!, values[`${site}.b`]!];
  const [out, rank] = b.dims as [number, number];
  const rows = Float32Array.from(transposed(float32Data(b), out, rank));
  return {
    a: below(values[`${input}.past.a`], a),
    b: below(values[`${site}.past.b`], tensor("float32", [rank, out], rows)),
  };
}

/** Rows below those that are there. */
function below(above: Tensor | undefined, rows: Tensor): Tensor<"float32"> {
  const all = [...(above === undefined ? [] : [above]), rows];
  const count = all.reduce((sum, { dims }) => sum + dims[0]!, 0);
  const data = new Float32Array(count * rows.dims[1]!);
  let at = 0;
  for (const part of all) {
    data.set(float32Data(part), at);
    at += part.data.length;
  }
  return tensor("float32", [count, rows.dims[1]!], data);
}
