/** @file The one Vision Transformer under every checkpoint family, as a function of graph values. */
import { constant, type Value } from "../graph/value.ts";
import {
  add,
  cast,
  concat,
  expand,
  layerNorm,
  matmul,
  mul,
  reshape,
  slice,
  transpose,
} from "../ops/index.ts";
import { tensor } from "../tensor/tensor.ts";
import { type Activation, activate } from "./activation.ts";
import { attention } from "./attention.ts";
import type { Weights } from "./weights.ts";

/** Everything the computation depends on but the weights. */
export interface VitConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly hiddenSize: number;
  readonly mlpSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly layerNormEpsilon: number;
  /** Branches are scaled per channel before they join the residual stream (DINOv2). */
  readonly layerScale: boolean;
  /** Tokens between CLS and the patches: a distillation token, registers. */
  readonly extraTokens?: number;
  /** Of the MLP; "gelu" if it isn't given. */
  readonly activation?: Activation;
  /** fc1 has two halves of mlpSize: activation(first) * second goes into fc2 (SwiGLU). */
  readonly gatedMlp?: boolean;
  /** A layer norm before the first block (CLIP). */
  readonly preNorm?: boolean;
  /** "attention": there is no CLS token, and a learned query that attends to all tokens gives the features (SigLIP). */
  readonly pooling?: "cls" | "attention";
  /** Pixel statistics: the graph takes bytes and normalizes them itself. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Where a method may change the computation. */
export interface VitHooks {
  /**
   * Called for every linear layer of every block with its site ("blocks.3.query"), input and output;
   * returns the output to use. x: [n, in], y: [n, out].
   */
  readonly linear?: (site: string, x: Value, y: Value) => Value;
  /** Prompt tokens [P, d] that join (or replace the prompts so far) before this block; undefined leaves the tokens. */
  readonly prompts?: (block: number) => Value | undefined;
  /** Patches to look at, all without it: rows of zeros with a single 1, [B, kept, patches]. */
  readonly kept?: Value;
}

/** Number of patch tokens. @throws if the patch does not divide the image. */
export function patchCount({ imageSize, patchSize }: Pick<VitConfig, "imageSize" | "patchSize">): number {
  if (imageSize % patchSize !== 0)
    throw new Error(`vit: patch ${patchSize} does not divide image ${imageSize}`);
  return (imageSize / patchSize) ** 2;
}

/** Tokens in front of the patches: CLS and the extra ones. */
export function tokensBeforePatches({ pooling, extraTokens = 0 }: VitConfig): number {
  return pooling === "attention" ? 0 : 1 + extraTokens;
}

/**
 * Final CLS features of a batch of images. The last block computes its query, projection and MLP for
 * the CLS token alone: nothing else of it is ever read. Where there is no CLS token, the pooled features.
 * @param images uint8 [B, size, size, 3]
 * @returns float32 [B, hiddenSize], after the final layer norm
 */
export function vitFeatures(config: VitConfig, weights: Weights, images: Value, hooks: VitHooks = {}): Value {
  const { hiddenSize, layers } = config;
  const clsAlone = config.pooling !== "attention";
  let tokens = embed(config, weights, images, hooks.kept); // [B, T, d]
  let prompts = 0;
  for (let block = 0; block < layers; block++) {
    const joining = hooks.prompts?.(block);
    if (joining !== undefined) {
      const batch = tokens.dims[0]!;
      const kept = prompts === 0 ? tokens : slice(tokens, 1, 0, tokens.dims[1]! - prompts);
      prompts = joining.dims[0]!;
      tokens = concat(kept, expand(joining, [batch, prompts, hiddenSize]), 1);
    }
    const attended = attentionHalf(config, weights, hooks, block, tokens, clsAlone && block === layers - 1);
    tokens = mlpHalf(config, weights, hooks, block, attended);
  }
  if (!clsAlone) return attentionPool(config, weights, norm(config, weights, "norm", tokens));
  const cls = reshape(tokens, [images.dims[0]!, hiddenSize]);
  return norm(config, weights, "norm", cls);
}

/** The layer norm of that name over the last axis. */
const norm = ({ hiddenSize, layerNormEpsilon }: VitConfig, weights: Weights, name: string, x: Value): Value =>
  layerNorm(
    x,
    weights(`${name}.weight`, [hiddenSize]),
    weights(`${name}.bias`, [hiddenSize]),
    layerNormEpsilon,
  );

/** Bytes to tokens: normalize, cut into patches, project, add CLS, extra tokens and positions. [B, T, d] */
export function embed(config: VitConfig, weights: Weights, images: Value, kept?: Value): Value {
  const { patchSize, hiddenSize, imageSize, mean, std } = config;
  const [batch] = images.dims as [number];
  const side = imageSize / patchSize;
  const patches = patchCount(config);
  const grid = reshape(images, [batch, side, patchSize, side, patchSize, 3]);
  const width = patchSize * patchSize * 3;
  const bytes = reshape(transpose(grid, [0, 1, 3, 2, 4, 5]), [batch * patches, width]);
  // Statistics as long as a row: a broadcast over three elements takes several times as long.
  const perChannel = (f: (channel: number) => number): Value =>
    constant(
      tensor(
        "float32",
        [width],
        Float32Array.from({ length: width }, (_, i) => f(i % 3)),
      ),
    );
  const pixels = add(
    mul(
      cast(bytes, "float32"),
      perChannel((c) => 1 / (255 * std[c]!)),
    ),
    perChannel((c) => -mean[c]! / std[c]!),
  );
  const count = kept?.dims[1] ?? patches;
  const rows = kept === undefined ? pixels : matmul(kept, reshape(pixels, [batch, patches, width]));
  const projected = weights.linear(reshape(rows, [batch * count, width]), "patch", hiddenSize);
  const before = tokensBeforePatches(config);
  const learned = (name: string, count: number): Value =>
    expand(weights(name, [1, count, hiddenSize]), [batch, count, hiddenSize]);
  let tokens = reshape(projected, [batch, count, hiddenSize]);
  if (before > 1) tokens = concat(learned("extra", before - 1), tokens, 1);
  if (before > 0) tokens = concat(learned("cls", 1), tokens, 1);
  const position = weights("position", [1, before + patches, hiddenSize]);
  const placed = add(tokens, kept === undefined ? position : positionsOf(kept, position, before));
  return config.preNorm ? norm(config, weights, "preNorm", placed) : placed;
}

/** Positions of the tokens that are there: those before the patches, and those of each image's kept patches. [B, T, d] */
function positionsOf(kept: Value, position: Value, before: number): Value {
  const [batch, , patches] = kept.dims as [number, number, number];
  const width = position.dims[2]!;
  const grid = reshape(slice(position, 1, before, before + patches), [patches, width]);
  const own = matmul(kept, grid); // a product, because its gradient is one: a thousandth of the network's work
  if (before === 0) return own;
  return concat(expand(slice(position, 1, 0, before), [batch, before, width]), own, 1);
}

/** Linear layer of every token, with a method's change of it. [B, T, in] -> [B, T, out] */
function layer(weights: Weights, hooks: VitHooks, x: Value, name: string, out: number): Value {
  const [batch, count, width] = x.dims as [number, number, number];
  const rows = reshape(x, [batch * count, width]); // two axes: the gradient of a weight is then one product
  const y = weights.linear(rows, name, out);
  return reshape(hooks.linear?.(name, rows, y) ?? y, [batch, count, out]);
}

/** Two layers with an activation between them, of the block (or head) `at`. */
function mlp(config: VitConfig, weights: Weights, hooks: VitHooks, at: string, x: Value): Value {
  const { hiddenSize, mlpSize, gatedMlp, activation = "gelu" } = config;
  const first = layer(weights, hooks, x, `${at}.fc1`, gatedMlp ? 2 * mlpSize : mlpSize);
  const hidden = gatedMlp
    ? mul(activate(activation, slice(first, 2, 0, mlpSize)), slice(first, 2, mlpSize, 2 * mlpSize))
    : activate(activation, first);
  return layer(weights, hooks, hidden, `${at}.fc2`, hiddenSize);
}

/** The tokens after a block's attention; `clsOnly` returns [B, 1, d]. */
export function attentionHalf(
  config: VitConfig,
  weights: Weights,
  hooks: VitHooks,
  block: number,
  tokens: Value, // [B, T, d]
  clsOnly = false,
): Value {
  const { hiddenSize, heads } = config;
  const at = `blocks.${block}`;
  const project = (x: Value, name: string): Value => layer(weights, hooks, x, `${at}.${name}`, hiddenSize);
  const cls = (x: Value): Value => (clsOnly ? slice(x, 1, 0, 1) : x);
  const normed = norm(config, weights, `${at}.norm1`, tokens);
  const query = project(cls(normed), "query");
  const mixed = attention(query, project(normed, "key"), project(normed, "value"), heads);
  return add(cls(tokens), scaled(config, weights, project(mixed, "output"), `${at}.scale1`));
}

/** The tokens after a block's MLP. [B, T, d] -> [B, T, d] */
export function mlpHalf(
  config: VitConfig,
  weights: Weights,
  hooks: VitHooks,
  block: number,
  tokens: Value,
): Value {
  const at = `blocks.${block}`;
  const change = mlp(config, weights, hooks, at, norm(config, weights, `${at}.norm2`, tokens));
  return add(tokens, scaled(config, weights, change, `${at}.scale2`));
}

/** A branch, with its layer scale where there is one. */
const scaled = (config: VitConfig, weights: Weights, x: Value, name: string): Value =>
  config.layerScale ? mul(x, weights(name, [config.hiddenSize])) : x;

/** A learned query attends to all tokens, an MLP follows. Methods don't adapt it. [B, T, d] -> [B, d] */
function attentionPool(config: VitConfig, weights: Weights, tokens: Value): Value {
  const { hiddenSize, heads } = config;
  const batch = tokens.dims[0]!;
  const project = (x: Value, name: string): Value => layer(weights, {}, x, `pool.${name}`, hiddenSize);
  const probe = expand(weights("pool.probe", [1, 1, hiddenSize]), [batch, 1, hiddenSize]);
  const mixed = attention(project(probe, "query"), project(tokens, "key"), project(tokens, "value"), heads);
  const attended = project(mixed, "output"); // [B, 1, d]
  const change = mlp(config, weights, {}, "pool", norm(config, weights, "pool.norm", attended));
  return reshape(add(attended, change), [batch, hiddenSize]);
}
