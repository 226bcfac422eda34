/** @file Classes as Gaussians: a mean each, a covariance that is shared but for a few directions of a class's own. */
import * as z from "zod";
import { calibratedFit } from "./calibrated-fit.ts";
import { ClassDirections } from "./class-directions.ts";
import { ClassGaussians } from "./class-gaussians.ts";
import { defineHead } from "./head.ts";
import { directionOptions, shrinkage } from "./shared-options.ts";

const PREFIX = "gaussian.";

/** score_c = −½ (f − mean_c)ᵀ [(1 − γ) S~ + γ Q_cᵀ Q_c]⁻¹ (f − mean_c), calibrated: `ClassGaussians`. */
export const gaussian = defineHead({
  name: "gaussian",
  summary: "Gaussians with a shared covariance and a few directions of each class's own, calibrated",
  source: "ours; quadratic discriminant analysis with a low-rank part a class",
  options: z.object({ shrinkage, ...directionOptions }),
  needs: ["means", "scatter"],
  followsDrift: true,
  create({ width, statistics }, values) {
    const directions = new ClassDirections(width, values.directions);
    const { get: gaussians, ...fit } = calibratedFit(
      (temperature) => new ClassGaussians(statistics(), directions, values, temperature),
    );
    return {
      ...fit,
      add: (task) => directions.add(task, statistics(), values.shrinkage),
      move: (map) => directions.move(map),
      scores: (features, classCount) => gaussians().scores(features, classCount),
      distances: (features) => (statistics().classes.length === 0 ? null : gaussians().distances(features)),
      tensors: () => directions.tensors(PREFIX),
      load: (tensors) => directions.load(tensors, PREFIX),
    };
  },
});
