/** @file What runs a graph: onnxruntime-node in Node, onnxruntime-web in a browser. */
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

/** What may compute in Node: the processor, or another device by the name of its provider in ONNX Runtime. */
export const DEVICES = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;

/** One of `DEVICES`. */
export type Device = (typeof DEVICES)[number];

/** A compiled graph. */
export interface Session {
  /**
   * Runs the graph once. Inputs are read in place, never copied or kept; tensors that are no inputs are ignored.
   * @throws if an input is missing or has another type or shape than the graph's.
   */
  run(inputs: Tensors): Promise<Record<string, Tensor>>;
  /** Frees the session's memory. */
  dispose(): Promise<void>;
}

/** What is known of a graph beforehand. */
export interface CompileOptions {
  /**
   * Inputs that are the same in every run. They are fed all the same; a device with memory of its own takes them there
   * once, and reads no others under these names.
   */
  readonly unchanging?: Tensors | undefined;
}

/** Compiles graphs. */
export interface Runtime {
  /** For config.json: name and version. */
  readonly name: string;
  readonly threads: number;
  compile(graph: Graph, options?: CompileOptions): Promise<Session>;
}
