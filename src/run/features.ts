/** @file What features a run has that asks for none. */
import type { AnyMethod } from "../methods/method.ts";
import type { Features } from "../network/features.ts";
import type { VitConfig } from "../nn/vit.ts";

/**
 * CLS and the mean patch token: chosen on validation images of CIFAR-100 (docs/ablations.md). CLS
 * alone where the method makes its own features, or the backbone takes them from a learned query.
 */
export const usualFeatures = ({ traits }: AnyMethod, { pooling }: VitConfig): Features =>
  traits.ownFeatures === true || pooling === "attention" ? "cls" : "cls+mean";
