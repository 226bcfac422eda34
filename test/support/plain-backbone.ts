/** @file A backbone that the plain network can follow (its activation is quick GELU), and queries by it. */
import type { Batch } from "../../src/data/dataset.ts";
import type { Backbone } from "../../src/nn/checkpoint.ts";
import { tinyBackbone } from "../../src/testing/tiny-backbone.ts";
import { type PlainHooks, plainFeatures } from "./plain-vit.ts";

const tiny = tinyBackbone({ width: 16, patchSize: 16, layers: 3 });

/** Three blocks of width 16, four patches. */
export const plainBackbone: Backbone = { ...tiny, config: { ...tiny.config, activation: "quickGelu" } };

/** Its weights as numbers. */
export const plainWeights = Object.fromEntries(
  Object.entries(tiny.weights).map(([name, { data }]) => [name, data]),
);

/** One image of a batch. */
export const imageOf = ({ images, count }: Batch, i: number): Uint8Array =>
  images.subarray((i * images.length) / count, ((i + 1) * images.length) / count);

/** Features of one image of a batch. */
export const plainOf = (batch: Batch, i: number, hooks: PlainHooks = {}): number[] =>
  plainFeatures(plainBackbone.config, plainWeights, imageOf(batch, i), hooks);
