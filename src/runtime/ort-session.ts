/** @file What onnxruntime-node and onnxruntime-web have in common: sessions that take and give tensors of theirs. */
import { describe, type Value } from "../graph/value.ts";
import type { DType, Tensor } from "../tensor/tensor.ts";
import type { Session, Tensors } from "./runtime.ts";

/** A result of ONNX Runtime, as much of it as is needed. */
interface OrtResult {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** A session of ONNX Runtime, which takes `OrtTensor`. */
interface OrtSession<OrtTensor> {
  /** A tensor over the same numbers, not copied. */
  wrap(tensor: Tensor): OrtTensor;
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Readonly<Record<string, OrtResult>>>;
  dispose(): Promise<void>;
}

/** @param inputs the graph's, and nothing else of it: a session that kept the graph would keep its constants */
export function sessionOver<OrtTensor>(
  inputs: ReadonlyMap<string, Value>,
  { wrap, run, dispose }: OrtSession<OrtTensor>,
): Session {
  // Wrapped and compared once, not at every run: a step has hundreds of tensors that stay the same.
  const wrapped = new WeakMap<Tensor, { readonly name: string; readonly ort: OrtTensor }>();
  const feed = (name: string, value: Tensor | undefined): OrtTensor => {
    const expected = inputs.get(name)!;
    if (value === undefined) throw new Error(`run: input ${name} ${describe(expected)} is missing`);
    const known = wrapped.get(value);
    if (known?.name === name) return known.ort;
    if (describe(value) !== describe(expected)) {
      throw new Error(`run: input ${name} is ${describe(value)}, the graph wants ${describe(expected)}`);
    }
    const ort = wrap(value);
    wrapped.set(value, { name, ort });
    return ort;
  };
  return {
    async run(values: Tensors): Promise<Record<string, Tensor>> {
      const feeds: Record<string, OrtTensor> = {};
      for (const name of inputs.keys()) feeds[name] = feed(name, values[name]);
      const results = await run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { dtype: type as DType, dims, data: data as Float32Array },
        ]),
      );
    },
    dispose,
  };
}
