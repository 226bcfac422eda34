/** @file What keeps a task's adapters from looking like those of past tasks. */
import type { Value } from "../../graph/value.ts";
import type { Adaptation } from "../../network/adaptation.ts";
import { l2Normalize } from "../../nn/cosine.ts";
import type { VitConfig } from "../../nn/vit.ts";
import { abs, add, matmul, mul, reduceMean, reduceSum, scale } from "../../ops/index.ts";
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

const upOf = (block: number): string => `blocks.${block}.adapter.up.weight`;
const pastOf = (block: number): string => `blocks.${block}.adapter.past`;

/**
 * weight · Σ over past tasks of the mean over blocks of |mean of all cos(row of Up, row of the task's Up)|. The mean of all
 * cosines is the product of mean unit rows: values `blocks.N.adapter.past` [tasks, r] have those of past tasks.
 */
export const orthogonality = (
  { layers, hiddenSize: d }: VitConfig,
  size: number,
  tasks: number,
  weight: number,
): Adaptation => ({
  name: `orthogonality ${weight} to ${tasks}`,
  hooks: () => ({}),
  loss(values, imageShare): Value {
    const terms = Array.from({ length: layers }, (_, block) => {
      const mean = reduceMean(l2Normalize(values(upOf(block), [d, size])), { axes: [0], keepDims: true });
      return reduceSum(abs(matmul(mean, values(pastOf(block), [tasks, size]), { transposeB: true })));
    });
    const sum = terms.reduce((total, term) => add(total, term));
    return scale(mul(sum, reduceSum(imageShare)), weight / layers);
  },
});

/** Mean unit rows of every past task's Up, by block. */
export function meanUnitRows(
  { layers, hiddenSize: d }: VitConfig,
  size: number,
  past: readonly Tensors[],
): Record<string, Tensor> {
  const all = Array.from({ length: layers }, (_, block) => {
    const means = new Float32Array(past.length * size);
    for (const [task, own] of past.entries()) {
      const up = float32Data(own[upOf(block)]!);
      for (let row = 0; row < d; row++) {
        const values = up.subarray(row * size, (row + 1) * size);
        const length = Math.hypot(...values) || 1;
        for (const [i, value] of values.entries()) means[task * size + i]! += value / length / d;
      }
    }
    return [pastOf(block), tensor("float32", [past.length, size], means)] as const;
  });
  return Object.fromEntries(all);
}
