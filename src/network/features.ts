/** @file What features are made of: CLS, or more of what the network has seen. */
import type { Value } from "../graph/value.ts";
import { clsOf, meanOf } from "../nn/tokens.ts";
import type { VitConfig } from "../nn/vit.ts";
import { concat } from "../ops/index.ts";
import { InputError, optionText } from "../tensor/errors.ts";
import type { Adaptation } from "./adaptation.ts";

/** The kinds of features, narrow to wide: d, 2 d and 3 d numbers an image. */
export const FEATURES = ["cls", "cls+mean", "cls+mean+previous"] as const;

/** One of them. */
export type Features = (typeof FEATURES)[number];

/** The wider of two kinds; its numbers begin with those of the narrower. */
export const widerOf = (a: Features = "cls", b: Features = "cls"): Features =>
  FEATURES.indexOf(a) < FEATURES.indexOf(b) ? b : a;

/**
 * Adaptations with what makes features of that kind; for CLS, which networks give anyway, as they are.
 * @throws InputError if the backbone hasn't what is asked for, or an adaptation makes features of its own
 */
export function withFeatures(
  adaptations: readonly Adaptation[],
  config: VitConfig,
  features: Features = "cls",
): readonly Adaptation[] {
  if (features === "cls") return adaptations;
  const refused = (reason: string): InputError =>
    new InputError(`${optionText("features", features)}: ${reason}; choose ${optionText("features", "cls")}`);
  if (adaptations.some(({ width }) => width !== undefined)) throw refused("the method makes its own");
  if (config.pooling === "attention")
    throw refused("the backbone takes its features from a learned query, not from CLS");
  const previous = features === "cls+mean+previous";
  if (previous && config.layers < 2) throw refused("the backbone has no block before the last");
  return [...adaptations, widerFeatures(config, features)];
}

/**
 * Features of CLS and the mean of the patches and, with "previous", CLS after the block before the last, side by side,
 * each after the final norm. [B, 2 d] or [B, 3 d]
 */
function widerFeatures({ hiddenSize, layers }: VitConfig, features: Features): Adaptation {
  const previous = features === "cls+mean+previous";
  return {
    name: features,
    from: previous ? layers - 2 : layers,
    width: hiddenSize * (previous ? 3 : 2),
    hooks() {
      let before: Value | undefined;
      return {
        observe(block, tokens) {
          if (block === layers - 2) before = clsOf(tokens);
        },
        pool: (tokens, norm) =>
          concat([clsOf(tokens), meanOf(tokens, "patches"), ...(previous ? [norm(before!)] : [])], 1),
      };
    },
  };
}
