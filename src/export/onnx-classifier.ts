/** @file A classifier as one ONNX model: pixels in, the head's scores out. */
import type { Preprocessing } from "../data/dataset.ts";
import { graph } from "../graph/graph.ts";
import { input } from "../graph/value.ts";
import type { HeadClassifier } from "../heads/head.ts";
import type { ServedNetwork } from "../network/served-network.ts";
import { fixedWeights } from "../nn/weights.ts";
import { transpose } from "../ops/index.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { lower } from "./lowering.ts";
import { FLOAT16, OnnxBuilder } from "./onnx-builder.ts";
import { resize } from "./resizing.ts";

/** What numbers a file has. "q8": products of the blocks in 8 bits. */
export const ONNX_DTYPES = ["fp32", "fp16", "q8"] as const;
/** One of `ONNX_DTYPES`. */
export type OnnxDtype = (typeof ONNX_DTYPES)[number];

/** How a model takes its images, and with which numbers it computes. */
export interface OnnxOptions {
  readonly dtype: OnnxDtype;
  /**
   * "inside": images of any size, 0 to 255, which the graph resizes and normalizes; "outside": of the network's size,
   * normalized.
   */
  readonly resizing: "inside" | "outside";
}

/**
 * `pixel_values` [batch, 3, height, width] to `logits` [batch, classes]: the head's scores, whose softmax are its
 * probabilities. The head is float32 in every file: its numbers are few, and small differences decide.
 * @throws InputError if a part of the network is computed outside of its graph
 */
export function onnxClassifier(
  served: ServedNetwork,
  head: HeadClassifier,
  preprocessing: Preprocessing,
  { dtype, resizing }: OnnxOptions,
): Uint8Array {
  const { config } = served.backbone;
  const { imageSize: size } = config;
  const inside = resizing === "inside";
  const half = dtype === "fp16";
  const builder = new OnnxBuilder();
  const pixels = inside ? resize(builder, PIXELS, preprocessing) : PIXELS;
  const exact = half ? builder.node("Cast", [pixels], { to: FLOAT16 }) : pixels;
  const weights = held(served.weights);
  const quantized = new Set(dtype === "q8" ? blockMatrices(weights) : []);
  const features = lower(builder, featureGraph(served, weights, inside), {
    half,
    quantizes: ({ data }) => quantized.has(data),
    input: exact,
    batched: PIXELS,
  });
  const scores = scoresOf(builder, half ? builder.node("Cast", [features], { to: 1 }) : features, head);
  builder.node("Identity", [scores], {}, ["logits"]);
  const sides = inside ? ["height", "width"] : [size, size];
  return builder.model(
    [{ name: PIXELS, dims: ["batch", 3, ...sides] }],
    [{ name: "logits", dims: ["batch", head.classes.length] }],
    inside
      ? "pixel_values: RGB, 0 to 255, of any size; resized and normalized here"
      : `pixel_values: RGB, ${size} x ${size}, normalized`,
  );
}

const PIXELS = "pixel_values";

/** For a single image: `lower` makes it a batch of any size. Pixels that are normalized have mean 0 and deviation 1. */
function featureGraph(served: ServedNetwork, values: ServedNetwork["weights"], normalizes: boolean) {
  const { config } = served.backbone;
  const { imageSize: size } = config;
  const pixels = input(PIXELS, "float32", [1, 3, size, size]);
  const unit = 1 / 255; // of bytes
  const plain = { ...config, mean: [0, 0, 0] as const, std: [unit, unit, unit] as const };
  const weights = fixedWeights(values);
  const images = transpose(pixels, [0, 2, 3, 1]);
  return graph({ features: served.features(normalizes ? config : plain, weights, images) });
}

/** Read from their file, where they lie there. */
const held = (weights: ServedNetwork["weights"]): ServedNetwork["weights"] =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { dims, data }]) => [name, tensor("float32", dims, data)]),
  );

/** The numbers of the blocks' matrices. */
const blockMatrices = (weights: ServedNetwork["weights"]): Tensor["data"][] =>
  Object.entries(weights).flatMap(([name, { dims, data }]) =>
    name.startsWith("blocks.") && dims.length === 2 ? [data] : [],
  );

function scoresOf(builder: OnnxBuilder, features: string, head: HeadClassifier): string {
  const { classes, weight, bias, unitFeatures } = head;
  const width = weight.length / classes.length;
  const rows = unitFeatures
    ? builder.node("Div", [
        features,
        builder.node("ReduceL2", [features, builder.int64([1])], { keepdims: 1 }),
      ])
    : features;
  return builder.node(
    "Gemm",
    [
      rows,
      builder.constant("head.weight", () =>
        tensor("float32", [classes.length, width], Float32Array.from(weight)),
      ),
      builder.constant("head.bias", () => tensor("float32", [classes.length], Float32Array.from(bias))),
    ],
    { transB: 1 },
  );
}
