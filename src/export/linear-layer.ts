/** @file A linear classifier as the layers of another library's model. */
import type { HeadClassifier } from "../heads/head.ts";
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";
import type { ClassifierPlace } from "./library-names.ts";

/** Paths of the layers. */
export const layersOf = ({ layer, averagedWith }: ClassifierPlace): string[] =>
  averagedWith === undefined ? [layer] : [layer, averagedWith];

/**
 * Their tensors by path, so that the model's scores are the head's: what the layer sees besides CLS weighs nothing, and
 * where the model averages two layers, one has twice the scores and the other none.
 */
export function placedClassifier(
  { classes, weight, bias }: HeadClassifier,
  { layer, input, averagedWith }: ClassifierPlace,
): Record<string, Tensor<"float32">> {
  const count = classes.length;
  const width = weight.length / count;
  const length = input === "cls" ? width : 2 * width;
  const factor = averagedWith === undefined ? 1 : 2;
  const rows = zeroTensor([count, length]);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < width; i++) rows.data[row * length + i] = factor * weight[row * width + i]!;
  }
  return {
    [`${layer}.weight`]: rows,
    [`${layer}.bias`]: tensor(
      "float32",
      [count],
      Float32Array.from(bias, (value) => factor * value),
    ),
    ...(averagedWith === undefined
      ? {}
      : {
          [`${averagedWith}.weight`]: zeroTensor([count, length]),
          [`${averagedWith}.bias`]: zeroTensor([count]),
        }),
  };
}
