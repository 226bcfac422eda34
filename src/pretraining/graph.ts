/** @file The graphs of pre-training: loss and gradients of every weight, and logits for validation. */
import { backward } from "../autodiff/backward.ts";
import { type Graph, graph } from "../graph/graph.ts";
import { input, type Value } from "../graph/value.ts";
import { crossEntropy } from "../nn/loss.ts";
import { patchCount, type VitConfig, vitFeatures } from "../nn/vit.ts";
import { plainWeights, weightInputs } from "../nn/weights.ts";
import { add, mul, reduceSum, scale, sub } from "../ops/index.ts";

/** What a pre-training's graphs are built for. */
export interface PretrainingNetwork {
  readonly config: VitConfig;
  readonly classes: number;
  /** Width of the teacher's features; null without a teacher. */
  readonly teacherWidth: number | null;
  /** Images in one run of a graph. */
  readonly microBatch: number;
}

/** Name of a gradient among the outputs. */
export const gradientOf = (parameter: string): string => `d ${parameter}`;

/** Shapes of everything that is trained, by name: the network's weights, the head's, the map to the teacher's features. */
export function parameterShapes(network: PretrainingNetwork): Record<string, readonly number[]> {
  const shapes: Record<string, readonly number[]> = {};
  forward({ ...network, microBatch: 1 }, undefined, (name, value) => {
    shapes[name] = value.dims;
  });
  return shapes;
}

/**
 * The graph of one micro-batch.
 *
 * Inputs: images uint8 [n, size, size, 3]; targets [n, classes], each image's distribution over the classes times
 * its weight in the batch; with a teacher, teacher [n, width], its standardised features, and imageWeight [n, 1]; with
 * `kept`, kept [n, kept, patches], rows of zeros with a single 1; and every parameter.
 * Outputs: crossEntropy and featureError, both sums over the images times their weights, and the gradient of
 * crossEntropy + featureWeight x featureError for every parameter, named by `gradientOf`.
 * @param kept patches of each image that are looked at; null for all
 */
export function pretrainingGraph(
  network: PretrainingNetwork,
  { kept, featureWeight }: { readonly kept: number | null; readonly featureWeight: number },
): Graph {
  const { config, classes, teacherWidth, microBatch } = network;
  const choice = kept === null ? undefined : input("kept", "float32", [microBatch, kept, patchCount(config)]);
  const parameters = new Map<string, Value>();
  const { logits, mapped } = forward(network, choice, (name, value) => parameters.set(name, value));
  const targets = input("targets", "float32", [microBatch, classes]);
  const entropy = crossEntropy(logits, targets);
  const outputs: Record<string, Value> = { crossEntropy: entropy };
  let loss = entropy;
  if (mapped !== null) {
    const difference = sub(mapped, input("teacher", "float32", [microBatch, teacherWidth!]));
    const weighted = mul(mul(difference, difference), input("imageWeight", "float32", [microBatch, 1]));
    const error = scale(reduceSum(weighted), 1 / teacherWidth!);
    outputs.featureError = error;
    loss = add(entropy, scale(error, featureWeight));
  }
  const gradients = backward(loss, [...parameters.values()]);
  for (const [index, name] of [...parameters.keys()].entries()) outputs[gradientOf(name)] = gradients[index]!;
  return graph(outputs);
}

/** Logits [n, classes] of a micro-batch with all its patches. Inputs: images and every parameter but the teacher's map. */
export function logitsGraph(network: PretrainingNetwork): Graph {
  const { logits } = forward({ ...network, teacherWidth: null }, undefined, () => {});
  return graph({ logits });
}

/** The network with its head, and with a map to the teacher's features where there is a teacher. */
function forward(
  { config, classes, teacherWidth, microBatch }: PretrainingNetwork,
  kept: Value | undefined,
  onParameter: (name: string, value: Value) => void,
): { logits: Value; mapped: Value | null } {
  const inputs = weightInputs();
  const weights = plainWeights((name, dims) => {
    const value = inputs(name, dims);
    onParameter(name, value);
    return value;
  });
  const { imageSize } = config;
  const images = input("images", "uint8", [microBatch, imageSize, imageSize, 3]);
  const features = vitFeatures(config, weights, images, kept === undefined ? {} : { kept });
  return {
    logits: weights.linear(features, "head", classes),
    mapped: teacherWidth === null ? null : weights.linear(features, "teacherMap", teacherWidth),
  };
}
