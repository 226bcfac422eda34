/** @file Linear discriminant analysis on class means and their shared scatter. */
import * as z from "zod";
import { calibratedFit } from "./calibrated-fit.ts";
import { Discriminant } from "./discriminant.ts";
import { defineHead } from "./head.ts";
import { shrinkage } from "./shared-options.ts";

/** Calibrated LDA with equal priors: `Discriminant`. */
export const lda = defineHead({
  name: "lda",
  summary: "linear discriminant analysis, calibrated",
  source: "Fisher 1936; shared covariance with ridge shrinkage",
  options: z.object({ shrinkage }),
  needs: ["means", "scatter"],
  followsDrift: true,
  create({ statistics }, options) {
    const { get: discriminant, ...fit } = calibratedFit(
      (temperature) => new Discriminant(statistics(), options.shrinkage, temperature),
    );
    return {
      ...fit,
      scores: (features, classCount) => discriminant().scores(features, classCount),
      classifier: () => ({ ...discriminant().classifier, unitFeatures: false }),
      distances: (features) =>
        statistics().classes.length === 0 ? null : discriminant().distances(features),
    };
  },
});
