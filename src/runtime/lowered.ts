/**
 * @file A graph without operators of ONNX Runtime's own, for devices that have none: WebGPU computes each of these on the
 * processor, with a copy there and back. On a processor it costs nothing, but other bits come out.
 */
import { type Graph, graph } from "../graph/graph.ts";
import { emit, emitAll, type Node } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
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

/** The same outputs of the same inputs, computed by plain operators. */
export function lowered(whole: Graph): Graph {
  const made = new Map<Value, Value>();
  const plain = (value: Value): Value => made.get(value) ?? value;
  for (const node of whole.nodes) {
    const inputs = Object.fromEntries(
      Object.entries(node.call.inputs).map(([name, value]) => [name, plain(value)]),
    );
    const outputs = plainForm(node, inputs);
    for (const [i, output] of node.call.outputs.entries()) made.set(output, outputs[i]!);
  }
  return graph(
    Object.fromEntries(Object.entries(whole.outputs).map(([name, value]) => [name, plain(value)])),
  );
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
