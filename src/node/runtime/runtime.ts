/** @file The Runtime of Node: onnxruntime-node on the CPU, or WebAssembly where there is no binary. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Graph } from "../../graph/graph.ts";
import { describe } from "../../graph/value.ts";
import { encodeOnnx } from "../../onnx/encode.ts";
import type { Runtime, Session, Tensors } from "../../runtime/runtime.ts";
import { serialized } from "../../runtime/serialized.ts";
import type { DType, Tensor } from "../../tensor/tensor.ts";
import { type LoadedRuntime, onnxRuntime } from "./onnx-runtime.ts";
import { StoredConstants } from "./stored-constants.ts";

/** How a runtime runs graphs. */
export interface NodeRuntimeOptions {
  /** Results are equal bit for bit only at the same number. */
  readonly threads: number;
  /** Where ONNX Runtime writes its own profile of a session once that is disposed: this, a time and ".json". */
  readonly profilePrefix?: string | undefined;
}

/**
 * onnxruntime-node on the CPU, or onnxruntime-web where that can't be loaded.
 * @throws InputError if neither is there
 */
export function nodeRuntime(options: NodeRuntimeOptions): Runtime {
  return runtimeOf(onnxRuntime(), options);
}

/** The Runtime of a package that was found. */
export function runtimeOf(found: LoadedRuntime, options: NodeRuntimeOptions): Runtime {
  const runtime = {
    name: found.name,
    threads: options.threads,
    compile: (graph: Graph) => compile(graph, found, options),
  };
  return found.provider === "wasm" ? serialized(runtime) : runtime;
}

async function compile(
  graph: Graph,
  { onnxruntime, provider }: LoadedRuntime,
  { threads, profilePrefix }: NodeRuntimeOptions,
): Promise<Session> {
  const { inputs } = graph; // and nothing else: a session that kept the graph would keep its constants
  const stored = new StoredConstants();
  let session: InferenceSession;
  if (provider === "wasm") onnxruntime.env.wasm.numThreads = threads; // of the process, at its first session
  try {
    // WebAssembly reads no files.
    const model = encodeOnnx(graph, provider === "wasm" ? undefined : (constant) => stored.add(constant));
    session = await onnxruntime.InferenceSession.create(model, {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      logSeverityLevel: 3, // errors only
      ...stored.options,
      ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    });
  } finally {
    stored.remove();
  }
  // Wrapped and compared once, not at every run: a step has hundreds of tensors that stay the same.
  const wrapped = new WeakMap<Tensor, { readonly name: string; readonly ort: OrtTensor }>();
  const wrap = (name: string, value: Tensor | undefined): OrtTensor => {
    const expected = inputs.get(name)!;
    if (value === undefined) throw new Error(`run: input ${name} ${describe(expected)} is missing`);
    const known = wrapped.get(value);
    if (known?.name === name) return known.ort;
    if (describe(value) !== describe(expected)) {
      throw new Error(`run: input ${name} is ${describe(value)}, the graph wants ${describe(expected)}`);
    }
    const ort = new onnxruntime.Tensor(value.dtype, value.data as Float32Array, value.dims);
    wrapped.set(value, { name, ort });
    return ort;
  };
  return {
    async run(values: Tensors): Promise<Record<string, Tensor>> {
      const feeds: Record<string, OrtTensor> = {};
      for (const name of inputs.keys()) feeds[name] = wrap(name, values[name]);
      const results = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, { type, dims, data }]) => [
          name,
          { dtype: type as DType, dims, data: data as Float32Array },
        ]),
      );
    },
    dispose: () => {
      if (profilePrefix !== undefined) session.endProfiling();
      return session.release();
    },
  };
}
