/** @file Random training views, fixed before anything is decoded. */
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

/** The order and the views of one pass over `count` images. */
export interface Pass {
  /** Positions in the list of samples. */
  readonly order: readonly number[];
  /** One a place in `order`. */
  readonly views: readonly (View | null)[];
}

/** Views that are the same ones in every pass, of which a pass takes one an image. */
export interface FixedViews {
  readonly count: number;
  /** What the views of the sample at that place are drawn by: anew for each pass. */
  of(sample: number): Rng;
}

/**
 * Draws a whole pass before its first image is read, so that decoding speed can't change what is drawn.
 * @throws InputError for an augmentation that can't be drawn from
 */
export function drawPass(rng: Rng, count: number, augmentation: Augmentation, fixed?: FixedViews): Pass {
  checkAugmentation(augmentation);
  const order = rng.shuffled(Array.from({ length: count }, (_, index) => index));
  if (fixed === undefined) return { order, views: order.map(() => drawView(rng, augmentation)) };
  const views = order.map((sample) => fixedOf(sample, augmentation, fixed)[rng.below(fixed.count)]!);
  return { order, views };
}

const fixedOf = (sample: number, augmentation: Augmentation, { count, of }: FixedViews): (View | null)[] => {
  const own = of(sample);
  return Array.from({ length: count }, () => drawView(own, augmentation));
};

/**
 * The test views of `count` images and all views that passes will come back to, in an order that nothing changes: the fixed
 * ones, or both of a flip; random crops never come again.
 */
export function lastingViews(count: number, augmentation: Augmentation, fixed?: FixedViews): Pass {
  const { crop, flip } = augmentation;
  const further = (sample: number): readonly (View | null)[] => {
    if (fixed !== undefined) return fixedOf(sample, augmentation, fixed).filter((view) => view !== null);
    return crop === null && flip > 0 ? [{ crop, flip: true }] : [];
  };
  const all = Array.from({ length: count }, (_, sample) =>
    [null, ...further(sample)].map((view) => ({ sample, view })),
  ).flat();
  return { order: all.map(({ sample }) => sample), views: all.map(({ view }) => view) };
}

/** null where it would be the test view. */
function drawView(rng: Rng, { crop, flip }: Augmentation): View | null {
  const drawn = crop === null ? null : { ...crop, seed: rng.below(2 ** 32) };
  const flipped = flip > 0 && rng.uniform() < flip;
  return drawn === null && !flipped ? null : { crop: drawn, flip: flipped };
}
