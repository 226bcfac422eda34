/** @file Prefixes of attention: some shared by all tasks, some of one task, found by the key that is nearest to an image's query. */
import { scalar, type Value } from "../graph/value.ts";
import { cosines } from "../nn/cosine.ts";
import type { Prefix } from "../nn/vit-hooks.ts";
import {
  add,
  concat,
  gather,
  mul,
  reduceSum,
  reshape,
  scale,
  slice,
  sub,
  topK,
  transpose,
} from "../ops/index.ts";
import type { Adaptation } from "./adaptation.ts";
import type { NetworkContext } from "./context.ts";
import type { FrozenQuery } from "./frozen-query.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Blocks and sizes of the prefixes. */
export interface TaskPrefixOptions {
  /** Blocks with a shared prefix, from the first on. */
  readonly generalBlocks: number;
  /** Blocks after those, with a task's prefix. */
  readonly expertBlocks: number;
  /** Keys (and as many values) of a prefix. */
  readonly generalLength: number;
  readonly expertLength: number;
  /** Weight of the term that pulls the task's key to the queries. */
  readonly pull: number;
  /** Mixes keys and values up over the images of a run, as published code does. */
  readonly mixed: boolean;
  /** How many past tasks there are now. */
  readonly past: () => number;
}

/**
 * Values `general` [blocks, 2, length, d], `expert` [blocks, 2, length, d] and `key` [1, d] of the task at hand; from the second
 * on `past.expert` [tasks, blocks · 2 · length · d] and `past.key` [tasks, d]. `slots` [tasks + 1] is added to the cosines
 * before the largest is taken: zeros to choose, −∞ or so to forbid. The loss has pull · mean (1 − cos(query, key)).
 */
export function taskPrefixes(
  { backbone }: Pick<NetworkContext, "backbone">,
  query: FrozenQuery,
  options: TaskPrefixOptions,
): Adaptation {
  const { generalBlocks, expertBlocks, generalLength, expertLength, pull, mixed, past } = options;
  const { hiddenSize: width } = backbone.config;
  const size = expertBlocks * 2 * expertLength * width;
  const found = new WeakMap<ParameterInputs, { readonly match: Value; readonly rows: Value }>();
  const find = (values: ParameterInputs): { readonly match: Value; readonly rows: Value } => {
    const known = found.get(values);
    if (known !== undefined) return known;
    const count = past();
    const all = (name: string, own: Value, length: number): Value =>
      count === 0 ? own : concat([values(`past.${name}`, [count, length]), own], 0);
    const match = cosines(query.value(values), all("key", values("key", [1, width]), width)); // [B, tasks]
    const slot = topK(add(match, values("slots", [count + 1])), 1).indices; // [B, 1]
    const own = reshape(values("expert", [expertBlocks, 2, expertLength, width]), [1, size]);
    const rows = reshape(gather(all("expert", own, size), slot), [
      values.images,
      expertBlocks,
      2,
      expertLength,
      width,
    ]);
    const result = { match, rows: mixed ? mixedUp(rows) : rows };
    found.set(values, result);
    return result;
  };
  return {
    get name() {
      return `prefixes of ${past()} past tasks: ${generalBlocks} x ${generalLength}, ${expertBlocks} x ${expertLength}${mixed ? ", mixed" : ""}`;
    },
    feeds: query.feeds,
    hooks: (values) => ({
      prefix(block) {
        if (block < generalBlocks) {
          const all = values("general", [generalBlocks, 2, generalLength, width]);
          return halves(slice(all, 0, block, block + 1), [generalLength, width]);
        }
        const expert = block - generalBlocks;
        if (expert >= expertBlocks) return undefined;
        const rows = slice(find(values).rows, 1, expert, expert + 1); // [B, 1, 2, length, d]
        return halves(reshape(rows, [values.images, 2, expertLength, width]), [
          values.images,
          expertLength,
          width,
        ]);
      },
    }),
    loss(values, imageShare) {
      const { match } = find(values);
      const own = reshape(slice(match, 1, past(), past() + 1), [values.images]);
      return scale(reduceSum(mul(sub(scalar(1, "float32"), own), imageShare)), pull);
    },
  };
}

/** Keys and values of [n, 2, length, d]. */
const halves = (both: Value, dims: readonly number[]): Prefix => ({
  key: reshape(slice(both, 1, 0, 1), dims),
  value: reshape(slice(both, 1, 1, 2), dims),
});

/** What a reshape from [blocks, 2, B, ...] to [blocks, B, 2, ...] does where the axes should have been exchanged. */
function mixedUp(rows: Value): Value {
  const [batch, blocks, two, length, width] = rows.dims as [number, number, number, number, number];
  const published = reshape(transpose(rows, [1, 2, 0, 3, 4]), [blocks, batch, two, length, width]);
  return transpose(published, [1, 0, 2, 3, 4]);
}
