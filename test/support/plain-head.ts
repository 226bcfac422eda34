/** @file Softmax regression in plain numbers. */
import { dot, type Rows } from "./plain-vit.ts";

/** Mean cross-entropy of rows that belong to classes, and its gradients. */
export function plainCrossEntropy(
  features: Rows,
  labels: readonly number[],
  weight: Rows,
  bias: readonly number[],
) {
  let loss = 0;
  const dWeight = weight.map((row) => row.map(() => 0));
  const dBias = bias.map(() => 0);
  for (const [i, x] of features.entries()) {
    const logits = weight.map((row, c) => dot(row, x) + bias[c]!);
    const most = Math.max(...logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - most), 0);
    loss += (most + Math.log(total) - logits[labels[i]!]!) / features.length;
    for (const [c, z] of logits.entries()) {
      const d = (Math.exp(z - most) / total - Number(c === labels[i])) / features.length;
      dBias[c]! += d;
      for (const [j, value] of x.entries()) dWeight[c]![j]! += d * value;
    }
  }
  return { loss, dWeight, dBias };
}
