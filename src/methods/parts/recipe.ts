/** @file How a task is trained, as options that methods share: the rows, where they start, what holds features back. */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import { Rng } from "../../tensor/rng.ts";
import type { TaskTrainingOptions } from "./task-training.ts";

/** σ of cosine rows. */
export const COSINE_SCALE = 20;

/** How a task is trained. */
export interface Recipe {
  readonly rows: "linear" | "cosine";
  readonly rowStart: "zero" | "class-means";
  readonly distillation: number;
}

/** Training as it is without any of these options. */
export const PLAIN_RECIPE: Recipe = { rows: "linear", rowStart: "zero", distillation: 0 };

/** Options of methods that extend `AdapterLearner`. `standard`: what the method has where nothing else is said. */
export const recipeOptions = (standard: Recipe = PLAIN_RECIPE) => ({
  rows: z
    .enum(["linear", "cosine"])
    .default(standard.rows)
    .describe(`trained classifier rows: linear, or cosine with logits of ${COSINE_SCALE} cos and no bias`),
  rowStart: z
    .enum(["zero", "class-means"])
    .default(standard.rowStart)
    .describe(
      "where rows of new classes start: zero (cosine rows: drawn), or class-means, of normalized features before the task trains",
    ),
  distillation: z
    .number()
    .min(0)
    .default(standard.distillation)
    .describe(
      "weight of mean (f' - f)² over CLS and mean patch token of the task's images (with attention pooling, over what it gives), f from the model before, times the share of known classes that the task has no images of",
    ),
});

/**
 * What a recipe makes of a task's training.
 * @param task.absent share of known classes that the task has no images of: features are held back for them, as what is kept of
 * the others is seen again
 * @param task.before features of its images under the model so far; class means need them
 */
export function recipeTraining(
  { rows, rowStart, distillation }: Recipe,
  task: {
    readonly seed: number;
    readonly index: number;
    readonly absent: number;
    readonly before: LabeledFeatures | undefined;
  },
): Pick<TaskTrainingOptions, "cosine" | "rowStart" | "distillation"> {
  const { seed, index, absent, before } = task;
  const weight = absent * distillation;
  return {
    ...(rows === "cosine" && {
      cosine: { rng: Rng.at(seed, "rows", index), scale: { value: COSINE_SCALE, margin: 0 } },
    }),
    rowStart: rowStart === "class-means" ? before : undefined,
    distillation: weight === 0 ? undefined : weight,
  };
}
