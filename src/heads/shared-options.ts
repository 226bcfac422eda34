/** @file Options that several heads have: a name means the same to all of them. */
import * as z from "zod";
import { BY_IMAGES } from "./class-directions.ts";

/** Ridge of the covariance, for heads that invert it. */
export const shrinkage = z
  .number()
  .positive()
  .default(0.1)
  .describe("ridge of the covariance of classes, in mean diagonals");

/** For heads that give classes a covariance of their own. */
export const directionOptions = {
  directions: z
    .number()
    .int()
    .nonnegative()
    .max(64)
    .optional()
    .describe(
      "directions kept of a class's own covariance, at most one for every ten images (k) (default: one for every " +
        `${BY_IMAGES.images} images of the class, but at least ${BY_IMAGES.few} and at most ${BY_IMAGES.many})`,
    ),
  directionWeight: z
    .number()
    .min(0)
    .max(0.99)
    .default(0.1)
    .describe("share of them in a class's covariance, the rest is shared (gamma)"),
};
