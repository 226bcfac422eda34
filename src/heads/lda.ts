/** @file Linear discriminant analysis on class means and their shared scatter. */
import * as z from "zod";
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
    let fitted: Discriminant | undefined;
    let known: number | undefined;
    const discriminant = (): Discriminant => {
      fitted ??= new Discriminant(statistics(), options.shrinkage, known);
      return fitted;
    };
    return {
      changed() {
        fitted = undefined;
        known = undefined;
      },
      scores: (features, classCount) => discriminant().scores(features, classCount),
      classifier: () => ({ ...discriminant().classifier, unitFeatures: false }),
      temperature: () => known ?? discriminant().temperature,
      calibrate(temperature) {
        known = temperature;
      },
      distances: (features) =>
        statistics().classes.length === 0 ? null : discriminant().distances(features),
    };
  },
});
