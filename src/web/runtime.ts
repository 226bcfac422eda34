/** @file The Runtime of browsers: onnxruntime-web in WebAssembly, or by WebGPU. */
import * as wasm from "onnxruntime-web/wasm";
import type { RunOnnx } from "../export/check-onnx.ts";
import type { Graph } from "../graph/graph.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { holding, lowered } from "../runtime/lowered.ts";
import { sessionOver } from "../runtime/ort-session.ts";
import type { CompileOptions, Runtime, Session } from "../runtime/runtime.ts";
import { serialized, turns } from "../runtime/serialized.ts";
import { InputError, optionText } from "../tensor/errors.ts";

/** How a browser runs graphs. */
export interface WebRuntimeOptions {
  /**
   * Default: wasm, the processor. webgpu: the graphics processor, where the browser gives one; products in 8 bits stay on
   * the processor, and results differ from its by rounding.
   */
  readonly device?: "wasm" | "webgpu" | undefined;
  /** More than one where the page is cross-origin isolated; default: all that there are then, at most 4. */
  readonly threads?: number | undefined;
  /** Folder, as a URL, with onnxruntime-web's .wasm and .mjs; default: beside the program, where bundlers put them. */
  readonly wasmPaths?: string | undefined;
}

/** What both builds of onnxruntime-web have. */
type Ort = Pick<typeof wasm, "env" | "InferenceSession" | "Tensor">;

/** Longest that a run of graphs keeps messages waiting: WebAssembly never lets go by itself. */
const PATIENCE_MS = 50;

const SESSION = {
  graphOptimizationLevel: "all",
  executionMode: "sequential",
  logSeverityLevel: 3, // errors only
} as const;

/** All that runs in a page or worker is one program of WebAssembly. */
const inTurn = turns();

/**
 * onnxruntime-web, one graph at a time. All runtimes of a page or worker have the threads of the first that ran.
 * Compiling for a device that the browser hasn't is an InputError.
 */
export function webRuntime(options: WebRuntimeOptions = {}): Runtime {
  const { device = "wasm", threads = defaultThreads(), wasmPaths } = options;
  const own = globalThis.crossOriginIsolated ? threads : 1;
  const set = ({ env }: Ort): void => {
    env.wasm.numThreads = own;
    env.logLevel = "error";
    if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  };
  set(wasm);
  const version = `onnxruntime-web ${wasm.env.versions.web ?? ""}`.trim();
  if (device === "wasm") {
    const compile = (whole: Graph) => compiled(wasm, "wasm", whole);
    return serialized({ name: version, threads: own, compile }, inTurn);
  }
  let loading: Promise<Ort> | undefined;
  const load = async (): Promise<Ort> => {
    await requireAdapter();
    const library: Ort = await import("onnxruntime-web/webgpu"); // twice as large: whoever asks for it loads it
    set(library);
    return library;
  };
  const compile = async (whole: Graph, { unchanging = {} }: CompileOptions = {}): Promise<Session> => {
    loading ??= load();
    return compiled(await loading, "webgpu", lowered(holding(whole, unchanging)));
  };
  return serialized({ name: `${version}, webgpu`, threads: own, compile }, inTurn);
}

/** As much of `navigator.gpu` as is asked: TypeScript's library has none of it. */
interface Gpu {
  requestAdapter(): Promise<object | null>;
}

/** @throws InputError where the browser computes on no graphics processor */
async function requireAdapter(): Promise<void> {
  const { gpu } = navigator as { readonly gpu?: Gpu };
  if (gpu !== undefined && (await gpu.requestAdapter()) !== null) return;
  throw new InputError(
    `${optionText("device", "webgpu")}: this browser has no graphics processor for pages; leave it out, or try another browser`,
  );
}

/** Runs a file of ONNX as other programs do, between the graphs of runtimes. */
export const runOnnx: RunOnnx = (model, pixels, dims) =>
  inTurn(async () => {
    const session = await wasm.InferenceSession.create(model, { ...SESSION, executionProviders: ["wasm"] });
    try {
      const { logits } = await session.run({ pixel_values: new wasm.Tensor("float32", pixels, [...dims]) });
      return logits!.data as Float32Array;
    } finally {
      await session.release();
    }
  });

async function compiled(
  { InferenceSession, Tensor }: Ort,
  device: "wasm" | "webgpu",
  whole: Graph,
): Promise<Session> {
  const { inputs } = whole;
  const session = await InferenceSession.create(encodeOnnx(whole), {
    ...SESSION,
    executionProviders: [device],
  });
  return sessionOver<wasm.Tensor>(inputs, {
    wrap: ({ dtype, data, dims }) => new Tensor(dtype, data as Float32Array, dims),
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
