/** @file How single images pull at the weights of layers: the diagonal of the empirical Fisher information. */
import { backward } from "../autodiff/backward.ts";
import type { Batch } from "../data/dataset.ts";
import { input, type Value } from "../graph/value.ts";
import { matmul, mul, reduceSum, reshape } from "../ops/index.ts";
import type { Tensors } from "../runtime/runtime.ts";
import { float32Data } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";
import { AdaptedNetwork } from "./adapted-network.ts";
import type { NetworkContext } from "./context.ts";
import { type GraphParts, IMAGE_SHARE } from "./graph-parts.ts";
import { imageShare } from "./micro-batches.ts";
import type { Objective } from "./objective.ts";

/** Which layers, of which network, and whose gradients are squared. */
export interface SquaredGradientsOptions {
  readonly context: NetworkContext;
  readonly adaptations: readonly Adaptation[];
  readonly sites: readonly string[];
  readonly objective: Objective;
  /** An image's own; or those of whole batches, which are the smaller the more images a batch has. */
  readonly of: "images" | "batches";
}

/**
 * Mean over images of (∂ loss of the image / ∂ W)², for the weights W of every site. An image's gradient is dYᵀ X over its
 * tokens, so that one backward pass of a run gives those of all its images. [out, in] by site
 */
export async function squaredGradients(
  batches: AsyncIterable<Batch>,
  values: Tensors,
  { context, adaptations, sites, objective, of }: SquaredGradientsOptions,
): Promise<Record<string, Float32Array>> {
  const taps = new Map<string, Tap>();
  const network = new AdaptedNetwork(context, [...adaptations, tapsOf(sites, taps)]);
  const sums = new Map<string, Float64Array>();
  let images = 0;
  try {
    for await (const batch of batches) {
      images += batch.count;
      const own = new Map<string, Float64Array>();
      const build = (parts: GraphParts) => gradientGraph(parts, objective, taps, of === "images");
      const feeds = async (micro: Parameters<Objective["feeds"]>[1]) => ({
        ...values,
        [IMAGE_SHARE]: imageShare(micro, 1 / batch.count),
        ...(await objective.feeds(batch, micro)),
      });
      for await (const { results } of network.runs(`squared ${objective.name}`, batch, build, feeds, {
        alone: true,
      }))
        for (const site of sites) addInto(own, site, float32Data(results[site]!));
      for (const [site, sum] of own) {
        // The loss is a batch's mean: an image's own gradient is `count` times as large.
        const total =
          of === "images"
            ? sum.map((value) => value * batch.count ** 2)
            : sum.map((value) => value ** 2 * batch.count);
        addInto(sums, site, total);
      }
    }
  } finally {
    await network.dispose();
  }
  return Object.fromEntries(
    [...sums].map(([site, sum]) => [site, Float32Array.from(sum, (value) => value / images)]),
  );
}

/** What a layer reads and gives, in the graph that is being built. */
interface Tap {
  readonly x: Value; // [images · tokens, in]
  readonly y: Value; // [images · tokens, out]
}

const tapsOf = (sites: readonly string[], taps: Map<string, Tap>): Adaptation => ({
  name: `taps at ${sites.join()}`,
  hooks: () => ({
    linear(site, x, y) {
      if (sites.includes(site)) taps.set(site, { x, y });
      return y;
    },
  }),
});

/** By site Σ over images of (dYᵀ X)², or without `squared` their plain sum. [out, in] */
function gradientGraph(
  { size, features, values }: GraphParts,
  objective: Objective,
  taps: Map<string, Tap>,
  squared: boolean,
): Record<string, Value> {
  taps.clear();
  const loss = objective.loss(features(), values, input(IMAGE_SHARE, "float32", [size]));
  const all = [...taps];
  const gradients = backward(
    loss,
    all.map(([, { y }]) => y),
  );
  return Object.fromEntries(
    all.map(([site, { x, y }], i) => {
      const perImage = (rows: Value): Value => reshape(rows, [size, rows.dims[0]! / size, rows.dims[1]!]);
      if (!squared) return [site, matmul(gradients[i]!, x, { transposeA: true })];
      const own = matmul(perImage(gradients[i]!), perImage(x), { transposeA: true });
      return [site, reshape(reduceSum(mul(own, own), { axes: [0] }), [y.dims[1]!, x.dims[1]!])];
    }),
  );
}

function addInto(sums: Map<string, Float64Array>, name: string, values: ArrayLike<number>): void {
  const sum = sums.get(name) ?? new Float64Array(values.length);
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
  sums.set(name, sum);
}
