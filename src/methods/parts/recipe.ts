/** @file How a task is trained, as options that methods share: the rows, where they start, what holds features back. */
import * as z from "zod";
import type { LabeledFeatures } from "../../data/dataset.ts";
import type { VitConfig } from "../../nn/vit.ts";
import { InputError, optionText } from "../../tensor/errors.ts";
import { Rng } from "../../tensor/rng.ts";
import type { TaskTrainingOptions } from "./task-training.ts";

/** σ of cosine rows. */
export const COSINE_SCALE = 20;

/** Options of methods that extend `AdapterLearner`. */
export const recipeOptions = {
  rows: z
    .enum(["linear", "cosine"])
    .default("linear")
    .describe(`trained classifier rows: linear, or cosine with logits of ${COSINE_SCALE} cos and no bias`),
  rowStart: z
    .enum(["zero", "class-means"])
    .default("zero")
    .describe(
      "where rows of new classes start: zero (cosine rows: drawn), or class-means, of normalized features before the task trains",
    ),
  distillation: z
    .number()
    .min(0)
    .default(0)
    .describe(
      "weight of mean (f' - f)² over CLS and mean patch token of the task's images, f from the model before, times the share of known classes that the task has no images of",
    ),
};

const schema = z.object(recipeOptions);

/** Values of `recipeOptions`. */
export type Recipe = z.output<typeof schema>;

/** Training as it is without any of these options. */
export const PLAIN_RECIPE: Recipe = schema.parse({});

/** @throws InputError if the backbone hasn't what the recipe needs */
export function checkRecipe({ distillation }: Recipe, { pooling }: VitConfig): void {
  if (distillation === 0 || pooling !== "attention") return;
  throw new InputError(
    `${optionText("distillation", distillation)}: the backbone takes its features from a learned query, and has no CLS to compare; leave the option out`,
  );
}

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
