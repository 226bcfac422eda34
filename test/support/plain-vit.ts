/** @file A ViT in plain numbers, one image at a time, in float64: what the graphs' hooks are compared with. */
import type { VitConfig } from "../../src/nn/vit.ts";
import type { Half } from "../../src/nn/vit-hooks.ts";

/** Rows of numbers. */
export type Rows = readonly (readonly number[])[];

/** One image's tokens, and how many of them are what. */
export interface PlainTokens {
  readonly rows: Rows;
  readonly patches: number;
  readonly prompts: number;
}

/** What is added, as `VitHooks` has it, but for one image. */
export interface PlainHooks {
  readonly prompts?: (block: number) => Rows | undefined;
  readonly prefix?: (block: number) => { readonly key: Rows; readonly value: Rows } | undefined;
  readonly beside?: (half: Half, block: number, tokens: Rows) => Rows | undefined;
  readonly pool?: (tokens: PlainTokens) => number[];
  /** Blocks to go through. */
  readonly to?: number;
}

/** Weights by name. */
export type PlainWeights = Readonly<Record<string, ArrayLike<number>>>;

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Σ a b. */
export const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * b[i]!));

/** Element by element. */
const plus = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((x, j) => x + b[i]![j]!));

/** Mean of some rows. */
export const meanRow = (rows: Rows): number[] =>
  rows[0]!.map((_, j) => sum(rows.map((row) => row[j]!)) / rows.length);

/** x / ‖x‖. */
export const unit = (x: readonly number[]): number[] => x.map((value) => value / Math.sqrt(dot(x, x)));

/** Numbers as rows of that width. */
export const rowsOf = (values: ArrayLike<number>, width: number): number[][] =>
  Array.from({ length: values.length / width }, (_, i) =>
    Array.from({ length: width }, (_, j) => values[i * width + j]!),
  );

/** x Wᵀ + b. weight: [out, in] */
export function plainLinear(x: Rows, weight: ArrayLike<number>, bias: ArrayLike<number>): Rows {
  const matrix = rowsOf(weight, x[0]!.length);
  return x.map((row) => matrix.map((weights, o) => dot(row, weights) + bias[o]!));
}

/** Features of one image, uint8 [size, size, 3]; the activation is quick GELU. */
export function plainFeatures(
  config: VitConfig,
  weights: PlainWeights,
  image: ArrayLike<number>,
  hooks: PlainHooks = {},
): number[] {
  const layer = (x: Rows, name: string): Rows =>
    plainLinear(x, weights[`${name}.weight`]!, weights[`${name}.bias`]!);
  const norm = (x: Rows, name: string): Rows =>
    x.map((row) => {
      const mean = sum(row) / row.length;
      const variance = sum(row.map((value) => (value - mean) ** 2)) / row.length;
      const deviation = Math.sqrt(variance + config.layerNormEpsilon);
      return row.map(
        (value, i) =>
          ((value - mean) / deviation) * weights[`${name}.weight`]![i]! + weights[`${name}.bias`]![i]!,
      );
    });
  const patches = layer(patchesOf(config, image), "patch");
  const position = rowsOf(weights.position!, config.hiddenSize);
  let rows = plus([Array.from(weights.cls!), ...patches], position);
  let prompts = 0;
  for (let block = 0; block < (hooks.to ?? config.layers); block++) {
    const at = `blocks.${block}`;
    const joining = hooks.prompts?.(block);
    if (joining !== undefined) {
      rows = [...rows.slice(0, rows.length - prompts), ...joining];
      prompts = joining.length;
    }
    const normed = norm(rows, `${at}.norm1`);
    const prefix = hooks.prefix?.(block);
    const mixed = attend(
      config.heads,
      layer(normed, `${at}.query`),
      [...(prefix?.key ?? []), ...layer(normed, `${at}.key`)],
      [...(prefix?.value ?? []), ...layer(normed, `${at}.value`)],
    );
    rows = joined(hooks, "attention", block, rows, layer(mixed, `${at}.output`));
    const hidden = layer(norm(rows, `${at}.norm2`), `${at}.fc1`);
    const active = hidden.map((row) => row.map((x) => x / (1 + Math.exp(-1.702 * x))));
    rows = joined(hooks, "mlp", block, rows, layer(active, `${at}.fc2`));
  }
  const final = norm(rows, "norm");
  return hooks.pool?.({ rows: final, patches: patches.length, prompts }) ?? [...final[0]!];
}

function joined(hooks: PlainHooks, half: Half, block: number, rows: Rows, change: Rows): Rows {
  const result = plus(rows, change);
  const branch = hooks.beside?.(half, block, rows);
  return branch === undefined ? result : plus(result, branch);
}

function attend(heads: number, query: Rows, key: Rows, value: Rows): Rows {
  const width = query[0]!.length / heads;
  const part = (row: readonly number[], head: number) => row.slice(head * width, (head + 1) * width);
  return query.map((asking) =>
    Array.from({ length: heads }, (_, head) => {
      const scores = key.map((row) => Math.exp(dot(part(asking, head), part(row, head)) / Math.sqrt(width)));
      const total = sum(scores);
      return Array.from({ length: width }, (_, i) =>
        sum(value.map((row, t) => (scores[t]! / total) * row[head * width + i]!)),
      );
    }).flat(),
  );
}

/** Normalized pixels of each patch. */
function patchesOf({ imageSize, patchSize, mean, std }: VitConfig, image: ArrayLike<number>): Rows {
  const side = imageSize / patchSize;
  const pixels = patchSize * patchSize;
  return Array.from({ length: side * side }, (_, patch) =>
    Array.from({ length: pixels * 3 }, (_, i) => {
      const [pixel, channel] = [Math.floor(i / 3), i % 3];
      const row = Math.floor(patch / side) * patchSize + Math.floor(pixel / patchSize);
      const column = (patch % side) * patchSize + (pixel % patchSize);
      return (image[(row * imageSize + column) * 3 + channel]! / 255 - mean[channel]!) / std[channel]!;
    }),
  );
}
