/** @file The layers after a regressed network's features: they start where its features already are. */
import { graph } from "../../graph/graph.ts";
import { constant, input, type Value } from "../../graph/value.ts";
import { type VitConfig, vitFeatures } from "../../nn/vit.ts";
import { fixedWeights } from "../../nn/weights.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { product } from "../../tensor/linear-algebra.ts";
import { filledTensor, type Tensor, tensor } from "../../tensor/tensor.ts";
import { AffineFit, type AffineLayer, moments } from "./affine-fit.ts";

/** One batch: images of the student's size [n, size, size, 3], n equal in all, and the teacher's standardised features [n, width]. */
export interface SeenImages {
  readonly images: Tensor<"uint8">;
  readonly features: Tensor<"float32">;
}

/**
 * The map from the student's features to the teacher's with the least squared error, and the teacher's head after that
 * map as the student's.
 * @returns `head` and `teacherMap`, by the names of a pre-training's parameters
 */
export async function regressHeads(
  config: VitConfig,
  weights: Readonly<Record<string, Tensor<"float32">>>,
  teacherHead: AffineLayer,
  batches: Iterable<SeenImages>,
  runtime: Runtime,
): Promise<Record<string, Tensor<"float32">>> {
  const fit = new AffineFit("map", config.hiddenSize, teacherHead.weight.dims[1]!);
  let session: Session | undefined;
  try {
    for (const batch of batches) {
      session ??= await runtime.compile(graph(mapMoments(config, weights, batch)));
      fit.add(await session.run({ ...batch }));
    }
  } finally {
    await session?.dispose();
  }
  const map = fit.solve();
  const head = after(teacherHead, map);
  return {
    "head.weight": head.weight,
    "head.bias": head.bias,
    "teacherMap.weight": map.weight,
    "teacherMap.bias": map.bias,
  };
}

/** What the fit of the map adds up, from a batch's images and features. */
function mapMoments(
  config: VitConfig,
  weights: Readonly<Record<string, Tensor<"float32">>>,
  { images, features }: SeenImages,
): Record<string, Value> {
  const own = vitFeatures(config, fixedWeights(weights), input("images", "uint8", images.dims));
  const ones = constant(filledTensor([images.dims[0]!, 1], 1));
  return moments("map", own, input("features", "float32", features.dims), ones);
}

/** One affine layer after another: W₂ (W₁ x + b₁) + b₂. */
function after(second: AffineLayer, first: AffineLayer): AffineLayer {
  const [middle, inputs] = first.weight.dims as [number, number];
  const out = second.weight.dims[0]!;
  const bias = product(second.weight.data, middle, first.bias.data, 1);
  return {
    weight: tensor(
      "float32",
      [out, inputs],
      Float32Array.from(product(second.weight.data, middle, first.weight.data, inputs)),
    ),
    bias: tensor(
      "float32",
      [out],
      Float32Array.from(bias, (value, i) => value + second.bias.data[i]!),
    ),
  };
}
