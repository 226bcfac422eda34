/** @file The Runtime of browsers: onnxruntime-web in WebAssembly. */
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-web/wasm";
import type { RunOnnx } from "../export/check-onnx.ts";
import type { Graph } from "../graph/graph.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { sessionOver } from "../runtime/ort-session.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { serialized, turns } from "../runtime/serialized.ts";

/** How a browser runs graphs. */
export interface WebRuntimeOptions {
  /** More than one where the page is cross-origin isolated; default: all that there are then, at most 4. */
  readonly threads?: number | undefined;
  /** Folder, as a URL, with onnxruntime-web's .wasm and .mjs; default: beside the program, where bundlers put them. */
  readonly wasmPaths?: string | undefined;
}

/** Longest that a run of graphs keeps messages waiting: WebAssembly never lets go by itself. */
const PATIENCE_MS = 50;

const SESSION = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
  executionMode: "sequential",
  logSeverityLevel: 3, // errors only
} as const;

/** All that runs in a page or worker is one program of WebAssembly. */
const inTurn = turns();

/** onnxruntime-web, one graph at a time. All runtimes of a page or worker have the threads of the first that ran. */
export function webRuntime({ threads = defaultThreads(), wasmPaths }: WebRuntimeOptions = {}): Runtime {
  const own = globalThis.crossOriginIsolated ? threads : 1;
  env.wasm.numThreads = own;
  env.logLevel = "error";
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  const name = `onnxruntime-web ${env.versions.web ?? ""}`.trim();
  return serialized({ name, threads: own, compile }, inTurn);
}

/** Runs a file of ONNX as other programs do, between the graphs of runtimes. */
export const runOnnx: RunOnnx = (model, pixels, dims) =>
  inTurn(async () => {
    const session = await InferenceSession.create(model, SESSION);
    try {
      const { logits } = await session.run({ pixel_values: new OrtTensor("float32", pixels, [...dims]) });
      return logits!.data as Float32Array;
    } finally {
      await session.release();
    }
  });

async function compile(graph: Graph): Promise<Session> {
  const { inputs } = graph;
  const session = await InferenceSession.create(encodeOnnx(graph), SESSION);
  return sessionOver<OrtTensor>(inputs, {
    wrap: ({ dtype, data, dims }) => new OrtTensor(dtype, data as Float32Array, dims),
    async run(feeds) {
      const results = await session.run(feeds);
      await others();
      return results;
    },
    dispose: () => session.release(),
  });
}

const defaultThreads = (): number => Math.min(navigator.hardwareConcurrency, 4);

let last = 0;

/** Lets messages in, a cancel among them, if none had a turn for a while. */
async function others(): Promise<void> {
  if (performance.now() - last < PATIENCE_MS) return;
  await new Promise((resolve) => setTimeout(resolve));
  last = performance.now();
}
