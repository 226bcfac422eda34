/** @file One set of adapters made of those of all tasks. */
import type { Tensors } from "../../runtime/runtime.ts";
import { float32Data, type Tensor, tensor } from "../../tensor/tensor.ts";

/** Number by number: the sign of the mean over tasks, and the largest magnitude that has it. */
export function universalAdapters(tasks: readonly Tensors[]): Record<string, Tensor> {
  const names = Object.keys(tasks[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const all = tasks.map((own) => float32Data(own[name]!));
      const merged = Float32Array.from(all[0]!, (_, i) => {
        const sign = all.reduce((sum, own) => sum + own[i]!, 0) > 0 ? 1 : -1;
        return sign * all.reduce((most, own) => Math.max(most, sign * own[i]!), 0);
      });
      return [name, tensor("float32", tasks[0]![name]!.dims, merged)];
    }),
  );
}
