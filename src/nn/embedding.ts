/** @file From images to tokens. */
import { constant, type Value } from "../graph/value.ts";
import { add, cast, concat, expand, matmul, mul, reshape, slice, transpose } from "../ops/index.ts";
import { tensor } from "../tensor/tensor.ts";
import { norm } from "./layers.ts";
import { patchCount, tokensBeforePatches, type VitConfig } from "./vit-config.ts";
import type { Weights } from "./weights.ts";

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
  if (before > 1) tokens = concat([learned("extra", before - 1), tokens], 1);
  if (before > 0) tokens = concat([learned("cls", 1), tokens], 1);
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
  return concat([expand(slice(position, 1, 0, before), [batch, before, width]), own], 1);
}
