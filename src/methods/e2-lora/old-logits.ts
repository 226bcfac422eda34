/** @file A teacher for the logits of past classes: cross-entropy of a task, and what the network before it says of the others. */
import { input } from "../../graph/value.ts";
import type { LinearClassifier } from "../../heads/linear-classifier.ts";
import type { AdaptedNetwork } from "../../network/adapted-network.ts";
import type { Objective } from "../../network/objective.ts";
import { linear } from "../../nn/linear.ts";
import { softCrossEntropy } from "../../nn/loss.ts";
import { add, scale, sub } from "../../ops/index.ts";
import { tensor } from "../../tensor/tensor.ts";
import { rowCapacity } from "../parts/trained-rows.ts";

/** What teaches, and how. */
export interface OldLogitsOptions {
  /** The network before the task, merged. */
  readonly teacher: AdaptedNetwork;
  /** Rows of past classes, which stay. */
  readonly rows: LinearClassifier;
  readonly temperature: number;
  readonly weight: number;
}

/** The objective, and weight T² · mean over images of KL(softmax(t / T), softmax(z / T)) over past classes besides. */
export function withOldLogits(objective: Objective, options: OldLogitsOptions): Objective {
  const { teacher, rows, temperature, weight } = options;
  const { classes } = rows;
  const d = rows.weight.length / classes.length;
  const capacity = rowCapacity(classes.length); // few sessions serve tasks of all sizes
  const padded = (values: Float64Array, length: number, rest = 0): Float32Array =>
    Float32Array.from({ length }, (_, i) => values[i] ?? rest);
  const fixed = {
    "old.weight": tensor("float32", [capacity, d], padded(rows.weight, capacity * d)),
    "old.bias": tensor("float32", [capacity], padded(rows.bias, capacity, -1e9)),
  };
  return {
    name: `${objective.name}, ${weight} old logits of ${capacity} at ${temperature}`,
    loss(features, values, imageShare) {
      const images = features.dims[0]!;
      const [oldWeight, oldBias] = [
        input("old.weight", "float32", [capacity, d]),
        input("old.bias", "float32", [capacity]),
      ];
      const taught = linear(input("old.features", "float32", [images, d]), oldWeight, oldBias);
      const own = softCrossEntropy(linear(features, oldWeight, oldBias), taught, temperature, imageShare);
      const divergence = sub(own, softCrossEntropy(taught, taught, temperature, imageShare));
      return add(objective.loss(features, values, imageShare), scale(divergence, weight * temperature ** 2));
    },
    async feeds(batch, micro) {
      const size = micro.images.dims[0]!;
      const features = await teacher.features({ images: micro.images.data, count: size });
      return {
        ...(await objective.feeds(batch, micro)),
        ...fixed,
        "old.features": tensor("float32", [size, d], features),
      };
    },
  };
}
