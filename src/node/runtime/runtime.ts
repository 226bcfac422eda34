/** @file The Runtime of Node: onnxruntime-node on the processor or another device, or WebAssembly where there is no binary. */
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, graph } from "../../graph/graph.ts";
import { input } from "../../graph/value.ts";
import { encodeOnnx } from "../../onnx/encode.ts";
import { add } from "../../ops/index.ts";
import { holding, lowered } from "../../runtime/lowered.ts";
import { sessionOver } from "../../runtime/ort-session.ts";
import type { CompileOptions, Device, Runtime, Session, Tensors } from "../../runtime/runtime.ts";
import { serialized } from "../../runtime/serialized.ts";
import { tensor } from "../../tensor/tensor.ts";
import { deviceError, FUSING, requireProvider } from "./devices.ts";
import { type LoadedRuntime, onnxRuntime } from "./onnx-runtime.ts";
import { StoredConstants } from "./stored-constants.ts";

/** How a runtime runs graphs. */
export interface NodeRuntimeOptions {
  /** Results are equal bit for bit only at the same number. */
  readonly threads: number;
  /**
   * What computes; default: cpu. Others compute in float32, keep frozen weights in their memory, and differ from the
   * processor by rounding: results are equal bit for bit on the same device only.
   */
  readonly device?: Device | undefined;
  /** Where ONNX Runtime writes its own profile of a session once that is disposed: this, a time and ".json". */
  readonly profilePrefix?: string | undefined;
}

/**
 * onnxruntime-node, or onnxruntime-web where that can't be loaded.
 * @throws InputError if neither is there, or it has no provider for the device
 */
export function nodeRuntime(options: NodeRuntimeOptions): Runtime {
  return runtimeOf(onnxRuntime(), options);
}

/** A runtime whose device has added two numbers: @throws InputError with what to do if it can't */
export async function workingRuntime(options: NodeRuntimeOptions): Promise<Runtime> {
  const runtime = nodeRuntime(options);
  if ((options.device ?? "cpu") === "cpu") return runtime;
  const one = input("one", "float32", [1]);
  const session = await runtime.compile(graph({ two: add(one, one) }));
  await session.run({ one: tensor("float32", [1], Float32Array.of(1)) });
  await session.dispose();
  return runtime;
}

/** The Runtime of a package that was found. */
export function runtimeOf(found: LoadedRuntime, options: NodeRuntimeOptions): Runtime {
  const { device = "cpu", threads } = options;
  requireProvider(found, device);
  if (device !== "cpu") found.onnxruntime.env.logLevel = "fatal"; // what a device lacks is said once, by us
  const runtime = {
    name: device === "cpu" ? found.name : `${found.name}, ${device}`,
    threads,
    compile: (whole: Graph, { unchanging = {} }: CompileOptions = {}) =>
      device === "cpu"
        ? compile(whole, found, options)
        : compile(onDevice(whole, device, unchanging), found, options).catch((error: unknown) => {
            throw deviceError(device, error);
          }),
  };
  return found.provider === "wasm" || device !== "cpu" ? serialized(runtime) : runtime;
}

function onDevice(whole: Graph, device: Device, unchanging: Tensors): Graph {
  const held = holding(whole, unchanging);
  return FUSING.includes(device) ? held : lowered(held);
}

async function compile(
  graph: Graph,
  { onnxruntime, provider }: LoadedRuntime,
  { threads, device = "cpu", profilePrefix }: NodeRuntimeOptions,
): Promise<Session> {
  const { inputs } = graph; // and nothing else: a session that kept the graph would keep its constants
  const stored = new StoredConstants();
  let session: InferenceSession;
  if (provider === "wasm") onnxruntime.env.wasm.numThreads = threads; // of the process, at its first session
  try {
    // WebAssembly reads no files.
    const model = encodeOnnx(graph, provider === "wasm" ? undefined : (constant) => stored.add(constant));
    session = await onnxruntime.InferenceSession.create(model, {
      executionProviders: [device === "cpu" ? provider : device],
      graphOptimizationLevel: "all",
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: "sequential",
      enableMemPattern: false, // one block planned for all values of a graph is half as large again as what lives at a time
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
