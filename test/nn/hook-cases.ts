/** @file What methods do with the ViT's hooks: each as a graph, and as plain numbers. */
import type { Value } from "../../src/graph/value.ts";
import { bottleneck } from "../../src/nn/bottleneck.ts";
import { cosineLogits, cosines, l2Normalize } from "../../src/nn/cosine.ts";
import { embed } from "../../src/nn/embedding.ts";
import { pool } from "../../src/nn/pooling.ts";
import { clsOf, meanOf, tokensFrom } from "../../src/nn/tokens.ts";
import { featuresFrom, runBlocks, type VitConfig, vitFeatures } from "../../src/nn/vit.ts";
import { type Weights, withOwnWeights } from "../../src/nn/weights.ts";
import { add, concat, gather, matmul, mul, reduceSum, reshape, slice, topK } from "../../src/ops/index.ts";
import {
  dot,
  meanRow,
  type PlainHooks,
  type PlainWeights,
  plainFeatures,
  plainLinear,
  type Rows,
  rowsOf,
  unit,
} from "../support/plain-vit.ts";
import { tinyBackbone } from "../support/tiny-backbone.ts";

/** Three blocks of two heads, four patches; quick GELU, which needs no erf. */
const { weights, config } = tinyBackbone({ imageSize: 32, patchSize: 16, width: 16, layers: 3 });
export const TINY: { readonly weights: typeof weights; readonly config: VitConfig } = {
  weights,
  config: { ...config, activation: "quickGelu" },
};
export const IMAGES = 3;
const D = config.hiddenSize;

/** What a graph is built of. */
export interface GraphParts {
  readonly frozen: Weights;
  readonly images: Value;
  readonly own: Readonly<Record<string, Value>>;
}

/** The same for one image. */
export interface PlainParts {
  readonly frozen: PlainWeights;
  readonly image: ArrayLike<number>;
  /** The image's place in the batch. */
  readonly index: number;
  readonly own: Readonly<Record<string, readonly number[]>>;
}

/** A use of the hooks. */
export interface HookCase {
  readonly name: string;
  /** Shapes of what it adds. */
  readonly own: Readonly<Record<string, readonly number[]>>;
  readonly graph: (parts: GraphParts) => Value;
  readonly plain: (parts: PlainParts) => number[];
}

const plainOf = ({ frozen, image }: PlainParts, hooks: PlainHooks): number[] =>
  plainFeatures(TINY.config, frozen, image, hooks);

/** An image's rows of what has rows for every image. */
const imagesRows = (values: readonly number[], index: number): Rows => {
  const length = values.length / IMAGES;
  return rowsOf(values.slice(index * length, (index + 1) * length), D);
};

const adapterShapes = (name: string): Record<string, number[]> => ({
  [`${name}.down`]: [4, D],
  [`${name}.downBias`]: [4],
  [`${name}.up`]: [D, 4],
  [`${name}.upBias`]: [D],
});
const adapterOf = (own: GraphParts["own"], name: string) => ({
  down: { weight: own[`${name}.down`]!, bias: own[`${name}.downBias`]! },
  up: { weight: own[`${name}.up`]!, bias: own[`${name}.upBias`]! },
});
const plainAdapter = (own: PlainParts["own"], name: string, tokens: Rows, factor: number): Rows => {
  const hidden = plainLinear(tokens, own[`${name}.down`]!, own[`${name}.downBias`]!);
  const active = hidden.map((row) => row.map((x) => Math.max(x, 0)));
  const lifted = plainLinear(active, own[`${name}.up`]!, own[`${name}.upBias`]!);
  return lifted.map((row) => row.map((x) => factor * x));
};

const trainedNames = [
  "cls",
  "position",
  "patch.weight",
  "patch.bias",
  "norm.bias",
  "blocks.0.norm1.weight",
  "blocks.1.query.weight",
  "blocks.1.query.bias",
  "blocks.2.fc2.weight",
  "blocks.2.fc1.bias", // its matrix stays frozen
];

/** Of CODA-Prompt's pool: the prefix is Σ cos(q ∘ A_k, K_k) P_k. */
const CODA_SLOTS = 5;

export const HOOK_CASES: readonly HookCase[] = [
  {
    name: "prompts, of each image its own, then others shared",
    own: { first: [IMAGES, 2, D], later: [3, D] },
    graph: ({ frozen, images, own }) =>
      vitFeatures(TINY.config, frozen, images, {
        prompts: (block) => [own.first, undefined, own.later][block],
      }),
    plain: (parts) =>
      plainOf(parts, {
        prompts: (block) =>
          [imagesRows(parts.own.first!, parts.index), undefined, rowsOf(parts.own.later!, D)][block],
      }),
  },
  {
    name: "key and value prefixes, shared, and in the last block each image's own (DualPrompt)",
    own: { key: [2, D], value: [2, D], lastKey: [IMAGES, 3, D], lastValue: [IMAGES, 3, D] },
    graph: ({ frozen, images, own }) =>
      vitFeatures(TINY.config, frozen, images, {
        prefix: (block) =>
          [{ key: own.key!, value: own.value! }, undefined, { key: own.lastKey!, value: own.lastValue! }][
            block
          ],
      }),
    plain: (parts) =>
      plainOf(parts, {
        prefix: (block) =>
          [
            { key: rowsOf(parts.own.key!, D), value: rowsOf(parts.own.value!, D) },
            undefined,
            {
              key: imagesRows(parts.own.lastKey!, parts.index),
              value: imagesRows(parts.own.lastValue!, parts.index),
            },
          ][block],
      }),
  },
  {
    name: "prefixes mixed by the query, in the same graph (CODA-Prompt)",
    own: { slots: [CODA_SLOTS, 4 * D], keys: [CODA_SLOTS, D], attention: [CODA_SLOTS, D] },
    graph({ frozen, images, own }) {
      const tokens = tokensFrom(TINY.config, embed(TINY.config, frozen, images));
      const query = featuresFrom(TINY.config, frozen, tokens);
      const asked = l2Normalize(mul(reshape(query, [IMAGES, 1, D]), own.attention!)); // [B, slots, d]
      const weight = reduceSum(mul(asked, l2Normalize(own.keys!)), { axes: [-1] }); // [B, slots]
      const mixed = reshape(matmul(weight, own.slots!), [IMAGES, 4, D]);
      const prefix = { key: slice(mixed, 1, 0, 2), value: slice(mixed, 1, 2, 4) };
      return featuresFrom(TINY.config, frozen, tokens, {
        prefix: (block) => (block === 1 ? prefix : undefined),
      });
    },
    plain(parts) {
      const query = plainOf(parts, {});
      const { slots, keys, attention } = parts.own;
      const key = rowsOf(keys!, D);
      const weight = rowsOf(attention!, D).map((row, k) =>
        dot(unit(row.map((a, i) => a * query[i]!)), unit(key[k]!)),
      );
      const flat = rowsOf(slots!, 4 * D);
      const mixed = flat[0]!.map((_, i) =>
        dot(
          weight,
          flat.map((row) => row[i]!),
        ),
      );
      const rows = rowsOf(mixed, D);
      return plainOf(parts, {
        prefix: (block) => (block === 1 ? { key: rows.slice(0, 2), value: rows.slice(2) } : undefined),
      });
    },
  },
  {
    name: "adapters beside both halves, the last block's included (EASE, AdaptFormer)",
    own: { ...adapterShapes("mlp"), ...adapterShapes("attention") },
    graph: ({ frozen, images, own }) =>
      vitFeatures(TINY.config, frozen, images, {
        beside: (half, block, tokens) =>
          half === "attention" && block === 0
            ? undefined
            : bottleneck(tokens, adapterOf(own, half), 0.1 * (block + 1)),
      }),
    plain: (parts) =>
      plainOf(parts, {
        beside: (half, block, tokens) =>
          half === "attention" && block === 0
            ? undefined
            : plainAdapter(parts.own, half, tokens, 0.1 * (block + 1)),
      }),
  },
  {
    name: "own weights (SLCA)",
    own: Object.fromEntries(trainedNames.map((name) => [name, TINY.weights[name]!.dims])),
    graph: ({ frozen, images, own }) =>
      vitFeatures(
        TINY.config,
        withOwnWeights(frozen, (name) => own[name]),
        images,
      ),
    plain: (parts) => plainOf({ ...parts, frozen: { ...parts.frozen, ...parts.own } }, {}),
  },
  {
    name: "CLS and the mean of the patches, with prompts and a branch that sees all tokens of the last block",
    own: { prompts: [2, D], ...adapterShapes("mlp") },
    graph: ({ frozen, images, own }) =>
      vitFeatures(TINY.config, frozen, images, {
        prompts: (block) => (block === 1 ? own.prompts : undefined),
        beside: (half, block, tokens) =>
          half === "mlp" && block === 2 ? bottleneck(tokens, adapterOf(own, half), 1) : undefined,
        pool: (tokens) => concat([clsOf(tokens), meanOf(tokens, "patches")], 1),
      }),
    plain: (parts) =>
      plainOf(parts, {
        prompts: (block) => (block === 1 ? rowsOf(parts.own.prompts!, D) : undefined),
        beside: (half, block, tokens) =>
          half === "mlp" && block === 2 ? plainAdapter(parts.own, half, tokens, 1) : undefined,
        pool: ({ rows, patches }) => [...rows[0]!, ...meanRow(rows.slice(1, 1 + patches))],
      }),
  },
  {
    name: "prompts chosen by the query in the same graph, and pooled (L2P)",
    own: { pool: [4, 2 * D], keys: [4, D] },
    graph({ frozen, images, own }) {
      const tokens = tokensFrom(TINY.config, embed(TINY.config, frozen, images));
      const chosen = topK(cosines(featuresFrom(TINY.config, frozen, tokens), own.keys!), 2);
      const prompts = reshape(gather(own.pool!, chosen.indices), [IMAGES, 4, D]);
      const features = featuresFrom(TINY.config, frozen, tokens, {
        prompts: (block) => (block === 0 ? prompts : undefined),
        pool: (final) => meanOf(final, "prompts"),
      });
      return concat([features, chosen.values], 1); // the loss pulls the chosen keys to the query
    },
    plain(parts) {
      const query = unit(plainOf(parts, {}));
      const scored = rowsOf(parts.own.keys!, D).map((key, slot) => ({ slot, score: dot(query, unit(key)) }));
      const chosen = scored.toSorted((a, b) => b.score - a.score).slice(0, 2);
      const slots = rowsOf(parts.own.pool!, 2 * D);
      const prompts = chosen.flatMap(({ slot }) => rowsOf(slots[slot]!, D));
      const features = plainOf(parts, {
        prompts: (block) => (block === 0 ? prompts : undefined),
        pool: ({ rows, patches }) => meanRow(rows.slice(1 + patches)),
      });
      return [...features, ...chosen.map(({ score }) => score)];
    },
  },
  {
    name: "features after an earlier block, by leaving there and by watching, with a cosine head on both",
    own: { prompts: [1, D], rows: [5, D], scale: [] },
    graph({ frozen, images, own }) {
      const prompts = (block: number) => (block === 0 ? own.prompts : undefined);
      const seen: Value[] = [];
      vitFeatures(TINY.config, frozen, images, {
        prompts,
        observe: (block, tokens) => {
          if (block < 2) seen.push(pool(TINY.config, frozen, tokens));
        },
      });
      const left = vitFeatures(TINY.config, frozen, images, { prompts }, { to: 1 });
      return concat([left, ...seen.map((features) => cosineLogits(features, own.rows!, own.scale!))], 1);
    },
    plain(parts) {
      const prompts = (block: number) => (block === 0 ? rowsOf(parts.own.prompts!, D) : undefined);
      const after = [1, 2].map((to) => plainOf(parts, { prompts, to }));
      const rows = rowsOf(parts.own.rows!, D).map(unit);
      const logits = after.flatMap((features) =>
        rows.map((row) => parts.own.scale![0]! * dot(row, unit(features))),
      );
      return [...after[0]!, ...logits];
    },
  },
  {
    name: "blocks composed by the caller: the first once, the rest twice",
    own: { prompts: [2, D], more: [1, D] },
    graph({ frozen, images, own }) {
      const start = runBlocks(
        TINY.config,
        frozen,
        tokensFrom(TINY.config, embed(TINY.config, frozen, images)),
        { prompts: () => own.prompts },
        { to: 1 },
      );
      const plain = featuresFrom(TINY.config, frozen, start, {}, { from: 1 });
      const prompts = (block: number) => (block === 2 ? own.more : undefined);
      return add(plain, featuresFrom(TINY.config, frozen, start, { prompts }, { from: 1 }));
    },
    plain(parts) {
      const [first, more] = [rowsOf(parts.own.prompts!, D), rowsOf(parts.own.more!, D)];
      const plain = plainOf(parts, { prompts: (block) => (block === 0 ? first : undefined) });
      const other = plainOf(parts, { prompts: (block) => [first, undefined, more][block] });
      return plain.map((x, i) => x + other[i]!);
    },
  },
];
