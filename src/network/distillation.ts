/** @file Holds features back while a network trains: they are compared with those of the network before, on the same images. */
import { input, type Value } from "../graph/value.ts";
import { add, mul, reduceMean, reduceSum, scale, slice, sub } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import type { AdaptedNetwork } from "./adapted-network.ts";
import type { Objective } from "./objective.ts";

/** How much of what. */
export interface Distillation {
  readonly weight: number;
  /** Values of the network that it is compared with. */
  readonly before: Tensors;
}

const BEFORE = "featuresBefore";

/**
 * An objective with W mean((f' − f)²) added: f are the CLS and the mean patch token of an image (what a learned query finds,
 * where the backbone has one), of the network at the values `before`, f' those of the network in training. Both run unmerged,
 * so that the term starts at 0 in 8 bits as well.
 */
export function distilled(
  objective: Objective,
  network: AdaptedNetwork,
  { weight, before }: Distillation,
): Objective {
  const { hiddenSize, pooling } = network.context.backbone.config;
  const kind = pooling === "attention" ? "cls" : "cls+mean"; // a learned query's features are all there is
  const compared = kind === "cls" ? hiddenSize : 2 * hiddenSize;
  return {
    name: `${objective.name}, ${weight} distillation`,
    features: kind,
    loss(features, values, imageShare) {
      const old = input(BEFORE, "float32", [features.dims[0]!, compared]);
      const change = sub(leading(features, compared), old);
      const perImage = reduceMean(mul(change, change), { axes: [1] }); // [images]
      const term = reduceSum(mul(perImage, imageShare));
      return add(objective.loss(leading(features, network.width), values, imageShare), scale(term, weight));
    },
    async feeds(batch, micro) {
      const own = await objective.feeds(batch, micro);
      const [size] = micro.images.dims as [number];
      const images = { images: micro.images.data, count: size };
      const passes = network.runs(
        `features of ${kind}`,
        images,
        (parts) => ({ features: leading(parts.features(undefined, kind), compared) }),
        () => before,
      );
      let seen: Tensors = {};
      for await (const { results } of passes) seen = { [BEFORE]: results.features! }; // one run: they fill it
      return { ...own, ...seen };
    },
  };
}

/** The first columns. [n, width] -> [n, columns] */
const leading = (rows: Value, columns: number): Value =>
  rows.dims[1] === columns ? rows : slice(rows, 1, 0, columns);
