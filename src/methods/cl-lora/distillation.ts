/** @file What the shared half of a network gave before a task, as a teacher of what it gives now. */
import { input, type Value } from "../../graph/value.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { AdaptedNetwork } from "../../network/adapted-network.ts";
import type { NetworkContext } from "../../network/context.ts";
import type { Objective } from "../../network/objective.ts";
import { cosineLogits } from "../../nn/cosine.ts";
import { softCrossEntropy } from "../../nn/loss.ts";
import { add, scale, sub } from "../../ops/index.ts";
import { tensor } from "../../tensor/tensor.ts";

/** The network as far as its shared blocks: CLS after them, through the final norm. */
export function earlyNetwork(
  context: NetworkContext,
  blocks: number,
  adaptations: readonly Adaptation[],
): AdaptedNetwork {
  const { backbone } = context;
  const early = { ...backbone, config: { ...backbone.config, layers: blocks } };
  return new AdaptedNetwork({ ...context, backbone: early }, adaptations);
}

/** How a teacher teaches. */
export interface DistillationOptions {
  /** Rows of the classifier, and how many of them are classes. */
  readonly capacity: number;
  readonly classes: number;
  readonly temperature: number;
  readonly weight: number;
  /** Whether the teacher's logits move the classifier, too. */
  readonly attached: boolean;
}

/**
 * weight · mean over images of KL(softmax(t / T), softmax(z / T)), z the logits σ cos of the features and t those of
 * `teacher` [images of the batch, d] under the same classifier: values `head.weight` and `head.scale`, and the same once more,
 * for those that don't move, as `teacher.weight` and `teacher.scale`.
 */
export function distillation(teacher: Float32Array, options: DistillationOptions): Objective {
  const { capacity, classes, temperature, weight, attached } = options;
  const mask = Float32Array.from({ length: capacity }, (_, row) => (row < classes ? 0 : -1e9));
  return {
    name: `distillation over ${capacity} rows, ${temperature}, ${weight}, ${attached}`,
    loss(features, values) {
      const [images, d] = features.dims as [number, number];
      const spare = input("classMask", "float32", [capacity]);
      const share = input("share", "float32", [images]);
      const before = input("teacher", "float32", [images, d]);
      const logitsOf = (rows: Value, name: string): Value =>
        add(cosineLogits(rows, values(`${name}.weight`, [capacity, d]), values(`${name}.scale`, [])), spare);
      const fixed = logitsOf(before, "teacher");
      const taught = attached ? logitsOf(before, "head") : fixed;
      const entropy = softCrossEntropy(fixed, fixed, temperature, share);
      const own = softCrossEntropy(logitsOf(features, "head"), taught, temperature, share);
      return scale(sub(own, entropy), weight);
    },
    feeds(batch, { start, count, images }) {
      const size = images.dims[0]!;
      const d = teacher.length / batch.count;
      const rows = new Float32Array(size * d).fill(1); // those that only fill up count nothing
      rows.set(teacher.subarray(start * d, (start + count) * d));
      const share = Float32Array.from({ length: size }, (_, i) => (i < count ? 1 / batch.count : 0));
      return {
        teacher: tensor("float32", [size, d], rows),
        share: tensor("float32", [size], share),
        classMask: tensor("float32", [capacity], mask),
      };
    },
  };
}
