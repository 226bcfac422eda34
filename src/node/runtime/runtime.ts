/** @file The Runtime of Node: onnxruntime-node on the CPU. */
import { disableTelemetry } from "./no-telemetry.ts";
// Telemetry is off before ONNX Runtime is loaded, unless a bundler moves packages to the front.

import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Graph } from "../../graph/graph.ts";
import { encodeOnnx } from "../../onnx/encode.ts";
import { sessionOver } from "../../runtime/ort-session.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { StoredConstants } from "./stored-constants.ts";

/** How a runtime runs graphs. */
export interface NodeRuntimeOptions {
  /** Results are equal bit for bit only at the same number. */
  readonly threads: number;
  /** Where ONNX Runtime writes its own profile of a session once that is disposed: this, a time and ".json". */
  readonly profilePrefix?: string | undefined;
}

/** onnxruntime-node on the CPU. */
export function nodeRuntime(options: NodeRuntimeOptions): Runtime {
  disableTelemetry();
  return {
    name: `onnxruntime-node ${env.versions.node ?? ""}`.trim(),
    threads: options.threads,
    compile: (graph) => compile(graph, options),
  };
}

async function compile(graph: Graph, { threads, profilePrefix }: NodeRuntimeOptions): Promise<Session> {
  const { inputs } = graph; // and nothing else: a session that kept the graph would keep its constants
  const stored = new StoredConstants();
  let session: InferenceSession;
  try {
    const model = encodeOnnx(graph, (constant) => stored.add(constant));
    session = await InferenceSession.create(model, {
      executionProviders: ["cpu"],
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
    wrap: ({ dtype, data, dims }) => new OrtTensor(dtype, data as Float32Array, dims),
    run: (feeds) => session.run(feeds),
    dispose: () => {
      if (profilePrefix !== undefined) session.endProfiling();
      return session.release();
    },
  });
}
