/** @file What runs a graph: onnxruntime-node in Node, onnxruntime-web in a browser. */
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Tensors by name. */
export type Tensors = Readonly<Record<string, Tensor>>;

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

/** Compiles graphs. */
export interface Runtime {
  /** For config.json: name and version. */
  readonly name: string;
  readonly threads: number;
  compile(graph: Graph): Promise<Session>;
}
