/** @file Random training views, drawn as fractions of the image so that nothing has to be decoded first. */
import { InputError } from "../tensor/errors.ts";
import type { Rng } from "../tensor/rng.ts";
import type { Augmentation, View } from "./dataset.ts";

/** The augmentations that have a name. */
export const AUGMENTATIONS = {
  none: { crop: null, flip: 0 },
  flip: { crop: null, flip: 0.5 },
  /** torchvision's RandomResizedCrop with its own defaults, then a flip. */
  "random-resized-crop": { crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] }, flip: 0.5 },
} as const satisfies Record<string, Augmentation>;

/**
 * Stops on an augmentation that can't be drawn from.
 * @throws InputError naming the value.
 */
function checkAugmentation({ crop, flip }: Augmentation): void {
  if (!(flip >= 0 && flip <= 1)) {
    throw new InputError(`augmentation: flip is ${flip}, expected a probability from 0 to 1`);
  }
  if (crop === null) return;
  const { scale, ratio } = crop;
  if (!(scale[0] > 0 && scale[0] <= scale[1] && scale[1] <= 1)) {
    throw new InputError(
      `augmentation: scale is [${scale}], expected two shares of the area, 0 < low <= high <= 1`,
    );
  }
  if (!(ratio[0] > 0 && ratio[0] <= ratio[1])) {
    throw new InputError(`augmentation: ratio is [${ratio}], expected width / height, 0 < low <= high`);
  }
}

/**
 * One view by torchvision's RandomResizedCrop rule, on fractions; null where it would be the test view.
 * `aspect` is the image's width / height (1 where it isn't known before decoding).
 */
export function drawView(rng: Rng, { crop, flip }: Augmentation, aspect = 1): View | null {
  const box = crop === null ? null : drawCrop(rng, crop, aspect);
  const flipped = flip > 0 && rng.uniform() < flip;
  return box === null && !flipped ? null : { crop: box, flip: flipped };
}

/** Ten tries at a random area and shape that fit, then the largest centred crop of an allowed shape. */
function drawCrop(
  rng: Rng,
  { scale, ratio }: NonNullable<Augmentation["crop"]>,
  aspect: number,
): [number, number, number, number] {
  const [logLow, logHigh] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = scale[0] + (scale[1] - scale[0]) * rng.uniform();
    const shape = Math.exp(logLow + (logHigh - logLow) * rng.uniform());
    // In pixels w = sqrt(area W H shape), h = sqrt(area W H / shape); divided by W and H:
    const width = Math.sqrt((area * shape) / aspect);
    const height = Math.sqrt((area * aspect) / shape);
    if (width <= 1 && height <= 1) {
      return [rng.uniform() * (1 - width), rng.uniform() * (1 - height), width, height];
    }
  }
  const width = Math.min(1, ratio[1] / aspect);
  const height = Math.min(1, aspect / ratio[0]);
  return [(1 - width) / 2, (1 - height) / 2, width, height];
}

/** The order and the views of one pass over `count` images. */
export interface Pass {
  /** Positions in the list of samples. */
  readonly order: readonly number[];
  /** One a place in `order`. */
  readonly views: readonly (View | null)[];
}

/** Draws a whole pass before its first image is read, so that decoding speed can't change what is drawn. */
export function drawPass(rng: Rng, count: number, augmentation: Augmentation): Pass {
  checkAugmentation(augmentation);
  const order = rng.shuffled(Array.from({ length: count }, (_, index) => index));
  return { order, views: order.map(() => drawView(rng, augmentation)) };
}
