/** @file Accuracy while the stream is running, not only where tasks end. All functions are pure. */

import { InputError } from "../tensor/errors.ts";

/** What was counted at points of the stream. */
export interface AnytimeCounts {
  /** Training images taken in at each point: multiples of one period. */
  readonly images: readonly number[];
  /** Test images of the classes met so far, at each point. */
  readonly testImages: readonly number[];
  /** Correct ones by readout, at each point. */
  readonly correct: Readonly<Record<string, readonly number[]>>;
}

/**
 * Accuracy at each point. Its mean is A_AUC of Koh et al. 2022 (arXiv 2110.10031): the area under accuracy over
 * training images, at points a fixed number of images apart, by the length of the axis; their code takes the mean, too.
 *
 * @param correct - Correct test images at each point.
 * @param testImages - Test images of the classes met by then.
 */
export function anytimeCurve(correct: readonly number[], testImages: readonly number[]): number[] {
  if (correct.length !== testImages.length)
    throw new InputError(
      `anytime accuracy: ${correct.length} correct counts, but ${testImages.length} counts of test images`,
    );
  return correct.map((count, point) => {
    const images = testImages[point]!;
    if (!(images > 0 && count >= 0 && count <= images))
      throw new InputError(`anytime accuracy: ${count} of ${images} test images at point ${point}`);
    return count / images;
  });
}
