/** @file The Runtime of Node: onnxruntime-node on the CPU, or WebAssembly where there is no binary. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Graph } from "../../graph/graph.ts";
import { encodeOnnx } from "../../onnx/encode.ts";
import { sessionOver } from "../../runtime/ort-session.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { serialized } from "../../runtime/serialized.ts";
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
  return sessionOver<OrtTensor>(inputs, {
    wrap: ({ dtype, data, dims }) => new onnxruntime.Tensor(dtype, data as Float32Array, dims),
    run: (feeds) => session.run(feeds),
    dispose: () => {
      if (profilePrefix !== undefined) session.endProfiling();
      return session.release();
    },
  });
}
