/** @file Classifier rows refitted on draws from the Gaussians of all classes, as they are after all drift. */
import * as z from "zod";
import { gram, product, transposed } from "../tensor/linear-algebra.ts";
import type { Rng } from "../tensor/rng.ts";
import { ClassDirections } from "./class-directions.ts";
import { WhiteGaussians } from "./class-gaussians.ts";
import { softmaxErrors, trainOnDraws } from "./draw-training.ts";
import { defineHead } from "./head.ts";
import { type LinearClassifier, linearScores } from "./linear-classifier.ts";
import { directionOptions, shrinkage } from "./shared-options.ts";

const PREFIX = "aligned.";

const options = z.object({
  shrinkage,
  ...directionOptions,
  draws: z.number().int().positive().max(4096).default(32).describe("draws of each class an epoch"),
  alignEpochs: z.number().int().nonnegative().default(5).describe("epochs of the rows on draws"),
  alignRate: z.number().positive().default(1e-3).describe("learning rate of the rows on draws"),
});
type Options = z.infer<typeof options>;

/**
 * Linear rows with the least cross-entropy over all classes on draws from N(mean_c, (1 − γ) S~ + γ Q_cᵀ Q_c), by AdamW
 * with a falling rate, from those of LDA. Fitted when it is first asked; the draws depend on nothing but what is kept.
 */
export const aligned = defineHead({
  name: "aligned",
  summary: "rows refitted on draws from the moved Gaussians of all classes",
  source:
    "the alignment of Zhang et al., SLCA, ICCV 2023, arXiv 2303.05118, and Tan et al., SSIAT, CVPR 2024, arXiv 2403.19979; covariances, start and optimizer ours",
  options,
  needs: ["means", "scatter"],
  followsDrift: true,
  create({ width, statistics }, values) {
    const directions = new ClassDirections(width, values.directions);
    let fitted: LinearClassifier | undefined;
    return {
      add: (task) => directions.add(task, statistics(), values.shrinkage),
      move: (map) => directions.move(map),
      changed() {
        fitted = undefined;
      },
      scores(features, classCount) {
        fitted ??= alignedRows(new WhiteGaussians(statistics(), directions, values.shrinkage), values);
        return linearScores(fitted, features, width, classCount);
      },
      tensors: () => directions.tensors(PREFIX),
      load: (tensors) => directions.load(tensors, PREFIX),
    };
  },
});

/** The rows, for features as they are. They are trained in white coordinates around the mean of means: well conditioned. */
function alignedRows(gaussians: WhiteGaussians, options: Options): LinearClassifier {
  const { classes, width: d, whitener, means } = gaussians;
  const count = classes.length;
  const middle = new Float64Array(d);
  for (let i = 0; i < means.length; i++) middle[i % d]! += means[i]! / count;
  const centers = means.map((value, i) => value - middle[i % d]!);
  const squares = (row: Float64Array): number => row.reduce((sum, value) => sum + value * value, 0);
  // LDA: w_c = m_c, b_c = −|m_c|² / 2.
  const weight = Float32Array.from(centers);
  const bias = Float32Array.from(classes, (_, c) => -squares(centers.subarray(c * d, (c + 1) * d)) / 2);
  train({ weight, bias }, { ...gaussians, means: centers }, options);
  const shift = product(weight, d, middle, 1); // w_c · middle
  return {
    classes,
    weight: product(weight, d, transposed(whitener, d, d), d),
    bias: Float64Array.from(bias, (value, c) => value - shift[c]!),
  };
}

/** Rows in training. */
interface Rows {
  readonly weight: Float32Array; // [classes, d]
  readonly bias: Float32Array; // [classes]
}

type Drawn = Pick<WhiteGaussians, "width" | "means" | "count" | "directions">;

function train({ weight, bias }: Rows, gaussians: Drawn, options: Options): void {
  const { width: d } = gaussians;
  const classes = bias.length;
  const rate = options.alignRate;
  const parameters = [
    { name: "weight", data: weight, rate },
    { name: "bias", data: bias, rate },
  ];
  trainOnDraws(parameters, classes, options, "aligned", (labels, rng) => {
    const features = drawn(labels, gaussians, options, rng);
    const scores = product(features, d, transposed(weight, classes, d), classes);
    const logits = scores.map((score, i) => score + bias[i % classes]!);
    const errors = softmaxErrors(logits, classes, labels);
    return {
      weight: Float32Array.from(gram(errors, classes, features, d)),
      bias: Float32Array.from(bias, (_, c) => {
        let sum = 0;
        for (let at = c; at < errors.length; at += classes) sum += errors[at]!;
        return sum;
      }),
    };
  });
}

/** m_c + √(1 − γ) ε + √γ η B_c for each label, ε and η standard normal. [labels, d] */
function drawn(
  labels: readonly number[],
  { width: d, means, count: k, directions }: Drawn,
  { directionWeight: gamma }: Options,
  rng: Rng,
): Float64Array {
  const rows = new Float64Array(labels.length * d);
  for (const [row, c] of labels.entries()) {
    for (let i = 0; i < d; i++) rows[row * d + i] = means[c * d + i]! + Math.sqrt(1 - gamma) * rng.normal();
    for (let j = c * k; j < (c + 1) * k; j++) {
      const size = Math.sqrt(gamma) * rng.normal();
      for (let i = 0; i < d; i++) rows[row * d + i]! += size * directions[j * d + i]!;
    }
  }
  return rows;
}
