/** @file How large networks and images may be: what no machine holds is refused before anything is allocated. */
import * as z from "zod";
import type { Preprocessing } from "../data/dataset.ts";
import { InputError, optionText } from "../tensor/errors.ts";

/** Four times the largest input that published ViTs are used with. */
const MOST_PIXELS = 2048;
/** As many as 2048 pixels have with patches of 8: attention is over all pairs of them. */
const MOST_PATCHES = 65_536;
/** Layer norms divide by √(variance + ε): networks are trained with 1e-12 to 1e-5. */
const LARGEST_EPSILON = 0.01;
/** Statistics of pixels in 0..1, far beyond any that were measured. */
const LARGEST_MEAN = 1000;
const DEVIATIONS = [1e-4, 1000] as const;
/** timm's smallest `crop_pct` is 0.8. */
const SMALLEST_CROP = 0.1;

/** Side of an input image in pixels. */
export const imageSide = z
  .number()
  .int()
  .positive()
  .max(MOST_PIXELS, { error: ({ input }) => `${input} is too much; expected at most ${MOST_PIXELS} pixels` });

/** ε of layer norms. */
export const normEpsilon = z
  .number()
  .positive()
  .max(LARGEST_EPSILON, {
    error: ({ input }) => `${input} is too much; expected at most ${LARGEST_EPSILON}`,
  });

/** Stops on a patch grid that an image of that side can't have. @throws InputError naming the folder */
export function checkPatches(folder: string, imageSize: number, patchSize: number): void {
  if (imageSize % patchSize !== 0) {
    throw new InputError(
      `${folder}: image size ${imageSize} is not a multiple of the patch size ${patchSize}; pass ${optionText("imageSize")} with a multiple`,
    );
  }
  const patches = (imageSize / patchSize) ** 2;
  if (patches > MOST_PATCHES) {
    throw new InputError(
      `${folder}: image size ${imageSize} with patch size ${patchSize} makes ${patches} patches; expected ${MOST_PATCHES} at most: pass a smaller ${optionText("imageSize")}`,
    );
  }
}

/** Stops on pixels that no image can become. @throws InputError naming file and value */
export function checkPreprocessing(file: string, { size, mean, std, cropFraction }: Preprocessing): void {
  const complain = (found: string, expected: string): never => {
    throw new InputError(`${file}: ${found}; expected ${expected}: correct the file, or get it again`);
  };
  if (!imageSide.safeParse(size).success) {
    complain(`images of ${size} pixels`, `a whole number from 1 to ${MOST_PIXELS}`);
  }
  if (!mean.every((value) => Math.abs(value) <= LARGEST_MEAN)) {
    complain(`the mean of pixels is [${mean.join(", ")}], for colors in 0..1`, "numbers near 0.5");
  }
  if (!std.every((value) => value >= DEVIATIONS[0] && value <= DEVIATIONS[1])) {
    complain(
      `the deviation of pixels is [${std.join(", ")}], for colors in 0..1`,
      "numbers near 0.25, above 0",
    );
  }
  if (cropFraction !== null && !(cropFraction >= SMALLEST_CROP && cropFraction <= 1)) {
    complain(`the center crop takes ${cropFraction} of the image`, `a share from ${SMALLEST_CROP} to 1`);
  }
}
