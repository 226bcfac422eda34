/**
 * @file Graphs for devices other than the processor. `lowered`: without operators of ONNX Runtime's own, each of which WebGPU
 * computes on the processor, with a copy there and back. On a processor it costs nothing, but other bits come out.
 * `holding`: with what never changes in the device's memory.
 */
import { type Graph, graph } from "../graph/graph.ts";
import { emit, emitAll, type Node } from "../graph/op.ts";
import { constant, describe, type Value } from "../graph/value.ts";
import {
  cast,
  castOp,
  exp,
  gemmOp,
  log,
  logSoftmaxOp,
  type MatmulOptions,
  matmulOp,
  plainMatmulOp,
  reduceMax,
  reduceSum,
  reshape,
  reshapeOp,
  scale,
  sub,
  transpose,
  transposeOp,
} from "../ops/index.ts";
import { type DType, sizeOf } from "../tensor/tensor.ts";
import type { Tensors } from "./runtime.ts";

/** The same outputs of the same inputs, computed by plain operators. */
export const lowered = (whole: Graph): Graph => rebuilt(whole, plainForm);

/** The same graph with these inputs as constants, which a device holds: others are no longer asked for. */
export function holding(whole: Graph, unchanging: Tensors): Graph {
  const held = new Map<Value, Value>();
  for (const [name, value] of whole.inputs) {
    const tensor = unchanging[name];
    if (tensor === undefined) continue;
    if (describe(tensor) !== describe(value)) {
      throw new Error(`compile: input ${name} is ${describe(tensor)}, the graph wants ${describe(value)}`);
    }
    held.set(value, constant(tensor));
  }
  return rebuilt(whole, ({ op, call }, inputs) => emitAll(op, inputs, call.attributes), held);
}

/** @param made values that others stand for */
function rebuilt(
  whole: Graph,
  form: (node: Node, inputs: Inputs) => readonly Value[],
  made = new Map<Value, Value>(),
): Graph {
  const now = (value: Value): Value => made.get(value) ?? value;
  for (const node of whole.nodes) {
    const inputs = Object.fromEntries(
      Object.entries(node.call.inputs).map(([name, value]) => [name, now(value)]),
    );
    const outputs = form(node, inputs);
    for (const [i, output] of node.call.outputs.entries()) made.set(output, outputs[i]!);
  }
  return graph(Object.fromEntries(Object.entries(whole.outputs).map(([name, value]) => [name, now(value)])));
}

type Inputs = Readonly<Record<string, Value>>;

function plainForm({ op, call }: Node, inputs: Inputs): readonly Value[] {
  switch (op as unknown) {
    case matmulOp:
      return [product(inputs.a!, inputs.b!, call.attributes as Required<MatmulOptions>)];
    case logSoftmaxOp:
      return [logSoftmax(inputs.x!)];
    case castOp:
      return [castFirst(inputs.x!, call.outputs[0]!.dtype)];
    default:
      return emitAll(op, inputs, call.attributes);
  }
}

/** One matrix, as a layer's weights are: all rows at once, no transpose in memory. */
function product(a: Value, b: Value, attributes: Required<MatmulOptions>): Value {
  const { transposeA, transposeB, alpha } = attributes;
  if (b.dims.length === 2 && (a.dims.length === 2 || !transposeA)) {
    const inner = a.dims.at(-1)!;
    const rows = a.dims.length === 2 ? a : reshape(a, [sizeOf(a.dims) / inner, inner]);
    const found = emit(gemmOp, { a: rows, b }, attributes);
    return a.dims.length === 2 ? found : reshape(found, [...a.dims.slice(0, -1), found.dims[1]!]);
  }
  const [left, right] = [transposeA ? turned(a) : a, transposeB ? turned(b) : b];
  const plain = { transposeA: false, transposeB: false, alpha: 1 };
  const found = emit(plainMatmulOp, { a: left, b: right }, plain);
  return alpha === 1 ? found : scale(found, alpha);
}

/** The last two axes exchanged. */
function turned(value: Value): Value {
  const axes = [...value.dims.keys()];
  return transpose(value, [...axes.slice(0, -2), axes.at(-1)!, axes.at(-2)!]);
}

function logSoftmax(x: Value): Value {
  const rows = { axes: [-1], keepDims: true };
  const shifted = sub(x, reduceMax(x, rows));
  return sub(shifted, log(reduceSum(exp(shifted), rows)));
}

/** Bytes that are moved and made numbers are made numbers first: devices move no bytes. */
function castFirst(x: Value, dtype: DType): Value {
  const { source } = x;
  if (source.kind !== "node") return cast(x, dtype);
  const { op, call } = source.node;
  switch (op as unknown) {
    case transposeOp: {
      const { order } = call.attributes as { readonly order: readonly number[] };
      return transpose(castFirst(call.inputs.x!, dtype), order);
    }
    case reshapeOp:
      return reshape(castFirst(call.inputs.x!, dtype), x.dims);
    default:
      return cast(x, dtype);
  }
}
