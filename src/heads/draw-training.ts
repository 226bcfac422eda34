/** @file Classifier rows trained on draws from Gaussians of classes, for heads and methods that realign them. */
import { adamw, type Parameter } from "../optim/optimizer.ts";
import { cosineAfter } from "../optim/schedule.ts";
import { Rng } from "../tensor/rng.ts";

/** Draws of one optimizer step. */
const BATCH = 256;
const SCHEDULE = cosineAfter(0);

/** How long rows are trained. */
export interface DrawTrainingOptions {
  /** Of each Gaussian in an epoch. */
  readonly draws: number;
  readonly alignEpochs: number;
}

/**
 * AdamW with a rate that falls as a cosine, on shuffled draws.
 * @param parameters moved in place
 * @param gaussians how many there are
 * @param name of the stream of random numbers: the same name, the same draws
 * @param gradients by parameter, from the places of the Gaussians to draw from
 */
export function trainOnDraws(
  parameters: readonly Parameter[],
  gaussians: number,
  { draws, alignEpochs }: DrawTrainingOptions,
  name: string,
  gradients: (places: readonly number[], rng: Rng) => Record<string, Float32Array>,
): void {
  const perEpoch = gaussians * draws;
  const steps = Math.ceil(perEpoch / BATCH);
  const optimizer = adamw();
  for (let epoch = 0; epoch < alignEpochs; epoch++) {
    const rng = Rng.at(name, epoch);
    const order = rng.shuffled(Array.from({ length: perEpoch }, (_, i) => i % gaussians));
    for (let step = 0; step < steps; step++) {
      const places = order.slice(step * BATCH, (step + 1) * BATCH);
      const progress = (epoch * steps + step) / (alignEpochs * steps);
      optimizer.step(parameters, gradients(places, rng), SCHEDULE(progress));
    }
  }
}

/**
 * Gradient of the mean cross-entropy of scale · scores by the scores: (softmax − one-hot) scale / rows, in place.
 * @param scores [rows, classes]
 */
export function softmaxErrors(
  scores: Float64Array,
  classes: number,
  labels: readonly number[],
  scale = 1,
): Float64Array {
  for (const [row, label] of labels.entries()) {
    const own = scores.subarray(row * classes, (row + 1) * classes);
    const highest = own.reduce((a, b) => Math.max(a, b));
    for (let c = 0; c < classes; c++) own[c] = Math.exp(scale * (own[c]! - highest));
    const total = own.reduce((a, b) => a + b);
    for (let c = 0; c < classes; c++)
      own[c] = ((own[c]! / total - Number(c === label)) * scale) / labels.length;
  }
  return scores;
}
