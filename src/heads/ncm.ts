/** @file Nearest class mean by cosine. */
import * as z from "zod";
import { defineHead } from "./head.ts";
import { type LinearClassifier, linearScores, unitRows } from "./linear-classifier.ts";

/** score_c = cos(f, mean_c) */
export const ncm = defineHead({
  name: "ncm",
  summary: "nearest class mean by cosine",
  source: "Zhou et al., SimpleCIL, IJCV 2024, arXiv 2303.07338",
  options: z.object({}),
  needs: ["means"],
  followsDrift: true,
  create({ width, statistics }) {
    let prototypes: LinearClassifier | undefined;
    const fitted = (): LinearClassifier => {
      prototypes ??= statistics().prototypes();
      return prototypes;
    };
    return {
      changed() {
        prototypes = undefined;
      },
      classifier: () => ({ ...fitted(), unitFeatures: true }),
      scores(features, classCount) {
        return linearScores(fitted(), unitRows(features, width), width, classCount);
      },
    };
  },
});
