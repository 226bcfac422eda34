/** @file Losses. */
import type { Value } from "../graph/value.ts";
import { logSoftmax, mul, neg, reduceSum, reshape, scale, softmax } from "../ops/index.ts";

/**
 * Cross-entropy −Σ target · log softmax(logits), summed. Rows of `targets` carry the label's
 * distribution times the image's weight: 1 / batch size, or 0 for a row that only fills up the batch.
 * logits, targets: [n, classes]; result: scalar
 */
export const crossEntropy = (logits: Value, targets: Value): Value =>
  neg(reduceSum(mul(targets, logSoftmax(logits))));

/**
 * Cross-entropy −Σ share softmax(teacher / T) · log softmax(logits / T), T the temperature.
 * logits, teacher: [n, classes]; share: [n]; result: scalar
 */
export function softCrossEntropy(logits: Value, teacher: Value, temperature: number, share: Value): Value {
  const taught = softmax(scale(teacher, 1 / temperature));
  const own = logSoftmax(scale(logits, 1 / temperature));
  return neg(reduceSum(mul(mul(taught, own), reshape(share, [share.dims[0]!, 1]))));
}
