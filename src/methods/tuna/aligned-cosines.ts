/** @file Cosine rows refitted on draws from the Gaussians of all classes, each under the adapters of its own task. */
import { type DrawTrainingOptions, softmaxErrors, trainOnDraws } from "../../heads/draw-training.ts";
import { type LinearClassifier, unitRows } from "../../heads/linear-classifier.ts";
import { gram, product, transposed } from "../../tensor/linear-algebra.ts";
import type { Prototype } from "../parts/own-prototypes.ts";

/** Added to variances, as published. */
const LEAST_VARIANCE = 1e-4;

/** How rows are refitted. */
export interface AlignmentOptions extends DrawTrainingOptions {
  readonly scale: number;
  readonly alignRate: number;
}

/**
 * Rows with the least cross-entropy of scale · cos over all classes on draws N(mean, diag(variance)) of every prototype, by
 * AdamW with a falling rate, from the trained rows; a class without one starts at its mean. The draws are always the same.
 */
export function alignedCosines(
  rows: LinearClassifier,
  prototypes: readonly Prototype[],
  options: AlignmentOptions,
): LinearClassifier {
  const classes = [...new Set(prototypes.map(({ label }) => label))].sort((a, b) => a - b);
  const d = prototypes[0]?.mean.length ?? 1;
  const weight = new Float32Array(classes.length * d);
  for (const [c, label] of classes.entries()) {
    const at = rows.classes.indexOf(label);
    const own = prototypes.find((each) => each.label === label)!.mean;
    weight.set(
      at === -1 ? unitRows(own, d) : Float32Array.from(rows.weight.subarray(at * d, (at + 1) * d)),
      c * d,
    );
  }
  const parameters = [{ name: "weight", data: weight, rate: options.alignRate }];
  trainOnDraws(parameters, prototypes.length, options, "aligned cosines", (places, rng) => {
    const drawn = places.map((i) => prototypes[i]!);
    const features = unitRows(
      Float64Array.from({ length: drawn.length * d }, (_, i) => {
        const { mean, variance } = drawn[Math.floor(i / d)]!;
        return mean[i % d]! + Math.sqrt(variance[i % d]! + LEAST_VARIANCE) * rng.normal();
      }),
      d,
    );
    const labels = drawn.map(({ label }) => classes.indexOf(label));
    return { weight: cosineGradient(features, labels, weight, d, options.scale) };
  });
  return { classes, weight: Float64Array.from(weight), bias: new Float64Array(classes.length) };
}

/** Gradient by rows of the mean cross-entropy of scale · cos. features: unit rows [n, d]; weight: [classes, d] */
export function cosineGradient(
  features: Float64Array,
  labels: readonly number[],
  weight: Float32Array,
  d: number,
  scale: number,
): Float32Array {
  const classes = weight.length / d;
  const units = unitRows(Float64Array.from(weight), d);
  const cosines = product(features, d, transposed(units, classes, d), classes); // [n, classes]
  const errors = softmaxErrors(cosines.slice(), classes, labels, scale);
  // d cos(f, w) / dw = (f − cos ŵ) / |w|
  const pulls = gram(errors, classes, features, d); // [classes, d]
  return Float32Array.from(pulls, (pull, i) => {
    const c = Math.floor(i / d);
    let along = 0;
    for (let row = 0; row < labels.length; row++)
      along += errors[row * classes + c]! * cosines[row * classes + c]!;
    return (pull - along * units[i]!) / (Math.hypot(...weight.subarray(c * d, (c + 1) * d)) || 1);
  });
}
