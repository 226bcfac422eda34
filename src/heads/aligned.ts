/** @file Classifier rows refitted on draws from the Gaussians of all classes, as they are after all drift. */
import * as z from "zod";
import { adamw } from "../optim/optimizer.ts";
import { gram, product, transposed } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";
import { ClassDirections } from "./class-directions.ts";
import { WhiteGaussians } from "./class-gaussians.ts";
import { defineHead } from "./head.ts";
import { type LinearClassifier, linearScores } from "./linear-classifier.ts";
import { directionOptions, shrinkage } from "./shared-options.ts";

const PREFIX = "aligned.";
/** Draws of one optimizer step. */
const BATCH = 256;

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

type Drawn = Pick<WhiteGaussians, "width" | "means" | "directions">;

function train({ weight, bias }: Rows, gaussians: Drawn, options: Options): void {
  const { width: d } = gaussians;
  const classes = bias.length;
  const steps = Math.ceil((classes * options.draws) / BATCH);
  const optimizer = adamw();
  const parameters = [
    { name: "weight", data: weight, rate: options.alignRate },
    { name: "bias", data: bias, rate: options.alignRate },
  ];
  for (let epoch = 0; epoch < options.alignEpochs; epoch++) {
    const rng = Rng.at("aligned", epoch);
    const order = rng.shuffled(Array.from({ length: classes * options.draws }, (_, i) => i % classes));
    for (let step = 0; step < steps; step++) {
      const labels = order.slice(step * BATCH, (step + 1) * BATCH);
      const features = drawn(labels, gaussians, options, rng);
      const logits = product(features, d, transposed(weight, classes, d), classes);
      const errors = softmaxErrors(logits, bias, labels);
      const progress = (epoch * steps + step) / (options.alignEpochs * steps);
      const gradients = {
        weight: Float32Array.from(gram(errors, classes, features, d)),
        bias: Float32Array.from(bias, (_, c) => {
          let sum = 0;
          for (let at = c; at < errors.length; at += classes) sum += errors[at]!;
          return sum;
        }),
      };
      optimizer.step(parameters, gradients, (1 + Math.cos(Math.PI * progress)) / 2);
    }
  }
}

/** m_c + √(1 − γ) ε + √γ η B_c for each label, ε and η standard normal. [labels, d] */
function drawn(
  labels: readonly number[],
  { width: d, means, directions }: Drawn,
  { directions: k, directionWeight: gamma }: Options,
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

/** Gradient of the mean cross-entropy by the logits: (softmax − one-hot) / rows. [rows, classes] */
function softmaxErrors(logits: Float64Array, bias: Float32Array, labels: readonly number[]): Float64Array {
  const classes = bias.length;
  for (const [row, label] of labels.entries()) {
    const own = logits.subarray(row * classes, (row + 1) * classes);
    for (let c = 0; c < classes; c++) own[c]! += bias[c]!;
    const highest = own.reduce((a, b) => Math.max(a, b));
    for (let c = 0; c < classes; c++) own[c] = Math.exp(own[c]! - highest);
    const total = own.reduce((a, b) => a + b);
    for (let c = 0; c < classes; c++) own[c] = (own[c]! / total - Number(c === label)) / labels.length;
  }
  return logits;
}
