/** @file Linear discriminant analysis on class means and their shared scatter. */
import * as z from "zod";
import { Discriminant } from "./discriminant.ts";
import { defineHead } from "./head.ts";

/** Ridge of the covariance, for the options of heads that invert it. */
const shrinkage = z
  .number()
  .positive()
  .default(0.1)
  .describe("ridge of the covariance of classes, in mean diagonals");

/** Calibrated LDA with equal priors: `Discriminant`. */
export const lda = defineHead({
  name: "lda",
  summary: "linear discriminant analysis, calibrated",
  source: "Fisher 1936; shared covariance with ridge shrinkage",
  options: z.object({ shrinkage }),
  needs: ["means", "scatter"],
  followsDrift: true,
  create({ statistics }, options) {
    let fitted: Discriminant | undefined;
    const discriminant = (): Discriminant => {
      fitted ??= new Discriminant(statistics(), options.shrinkage);
      return fitted;
    };
    return {
      changed() {
        fitted = undefined;
      },
      scores: (features, classCount) => discriminant().scores(features, classCount),
      temperature: () => discriminant().temperature,
      distances: (features) =>
        statistics().classes.length === 0 ? null : discriminant().distances(features),
    };
  },
});
