/** @file What a pre-training does at each of its steps: everything but the images. */
import { drawPass, type Pass } from "../data/augmentation.ts";
import type { Augmentation } from "../data/dataset.ts";
import { cosineAfter } from "../optim/schedule.ts";
import { Rng } from "../tensor/rng.ts";

/** How long, how fast and on what views to train. */
export interface PretrainingPlan {
  readonly epochs: number;
  readonly batchSize: number;
  /** Highest learning rate. */
  readonly rate: number;
  /** Share of all steps with a rising rate. */
  readonly warmup: number;
  /** Of matrices; vectors, positions and tokens have none. */
  readonly weightDecay: number;
  /** Highest norm of the gradient. */
  readonly clip: number;
  /** Of the running average of all weights; 0 for no average. */
  readonly averageDecay: number;
  readonly labelSmoothing: number;
  /** Share of the teacher's prediction in the targets. */
  readonly teacherShare: number;
  /** Factor on the error of the teacher's features. */
  readonly featureWeight: number;
  /** Patches of each image that are looked at in the first `dropShare` of all steps. */
  readonly keptPatches: number;
  readonly dropShare: number;
  readonly augmentation: Augmentation;
  readonly seed: number;
}

/** Steps of an epoch: the images that don't fill a batch wait for the next epoch's order. */
export const stepsPerEpoch = ({ batchSize }: Pick<PretrainingPlan, "batchSize">, images: number): number =>
  Math.floor(images / batchSize);

/** Learning rate at a step. */
export const rateAt = ({ rate, warmup }: PretrainingPlan, step: number, steps: number): number =>
  rate * cosineAfter(warmup)(step / steps);

/** Whether patches are dropped at a step. */
export const dropsAt = ({ dropShare }: PretrainingPlan, step: number, steps: number): boolean =>
  step < dropShare * steps;

/** Order and views of an epoch. */
export const passOf = ({ seed, augmentation }: PretrainingPlan, epoch: number, images: number): Pass =>
  drawPass(Rng.at(seed, "pretraining", "epoch", epoch), images, augmentation);

/**
 * Draws for each image the patches that are kept.
 * @returns [images, kept, patches], rows of zeros with a single 1, in the order of the patches
 */
export function drawKept(rng: Rng, images: number, kept: number, patches: number): Float32Array {
  const result = new Float32Array(images * kept * patches);
  const places = Int32Array.from({ length: patches }, (_, patch) => patch);
  for (let image = 0; image < images; image++) {
    for (let i = 0; i < kept; i++) {
      const j = i + rng.below(patches - i);
      const drawn = places[j]!;
      places[j] = places[i]!;
      places[i] = drawn;
    }
    const own = places.slice(0, kept).sort();
    for (let row = 0; row < kept; row++) result[(image * kept + row) * patches + own[row]!] = 1;
  }
  return result;
}
