/** @file Losses. */
import type { Value } from "../graph/value.ts";
import { logSoftmax, mul, neg, reduceSum } from "../ops/index.ts";

/**
 * Cross-entropy −Σ target · log softmax(logits), summed. Rows of `targets` carry the label's
 * distribution times the image's weight: 1 / batch size, or 0 for a row that only fills up the batch.
 * logits, targets: [n, classes]; result: scalar
 */
export const crossEntropy = (logits: Value, targets: Value): Value =>
  neg(reduceSum(mul(targets, logSoftmax(logits))));
