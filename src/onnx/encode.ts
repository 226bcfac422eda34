/** @file Graph to ONNX model bytes. Weights are inputs, so the model holds structure and a few constants only. */
import type { Graph } from "../graph/graph.ts";
import type { Node, OnnxAttribute } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { ONNX_TYPE } from "../ops/index.ts";
import { BYTES_PER_ELEMENT, sizeOf, type Tensor } from "../tensor/tensor.ts";
import {
  ATTRIBUTE_TYPE,
  type AttributeProto,
  EXTERNAL,
  modelBytes,
  type NodeProto,
  type TensorProto,
  type ValueProto,
} from "./messages.ts";
import { nameValues } from "./names.ts";

/** IR version and operator set we emit: the newest that every supported ONNX Runtime accepts. */
const IR_VERSION = 10;
const OPSET = 21;

/** Where the bytes of a constant are: in a file beside the model. */
export interface ExternalPlace {
  readonly file: string;
  readonly offset: number;
}

/**
 * Serializes a graph as an ONNX ModelProto. Outputs keep their names, inputs too.
 * @param store puts a constant's bytes elsewhere and says where; undefined: they belong into the model
 */
export function encodeOnnx(
  graph: Graph,
  store: (constant: Tensor) => ExternalPlace | undefined = () => undefined,
): Uint8Array {
  const names = nameValues(graph);
  const initializers = new Map<string, TensorProto>();
  const nodes: NodeProto[] = graph.nodes.map((node) => encodeNode(node, names, initializers));
  for (const [name, value] of Object.entries(graph.outputs)) {
    // An Identity gives an output its name, also when two outputs are one value or an input.
    nodes.push({ opType: "Identity", input: [names.get(value)!], output: [name], attribute: [] });
  }
  for (const [value, name] of names) {
    if (value.source.kind === "constant")
      initializers.set(name, encodeConstant(name, value.source.tensor, store(value.source.tensor)));
  }
  return modelBytes({
    irVersion: IR_VERSION,
    producerName: "fm-lora",
    opsetImport: [
      { domain: "", version: OPSET },
      { domain: "com.microsoft", version: 1 },
    ],
    graph: {
      name: "fm-lora",
      node: nodes,
      initializer: [...initializers.values()],
      input: [...graph.inputs].map(([name, value]) => encodeSignature(name, value)),
      output: Object.entries(graph.outputs).map(([name, value]) => encodeSignature(name, value)),
    },
  });
}

function encodeNode(
  node: Node,
  names: ReadonlyMap<Value, string>,
  initializers: Map<string, TensorProto>,
): NodeProto {
  const { op, call } = node;
  const { attributes = {}, constants = [] } = op.onnx?.(call.attributes) ?? {};
  const extra = constants.map((constant) => {
    const name = `${constant.dtype}:${Array.from(constant.data as ArrayLike<unknown>).join(",")}`; // equal constants are stored once
    if (!initializers.has(name)) initializers.set(name, encodeTensor(name, constant));
    return name;
  });
  return {
    opType: op.type,
    domain: op.domain ?? "",
    input: [...Object.keys(op.vjp).map((input) => names.get(call.inputs[input]!)!), ...extra],
    output: call.outputs.map((output) => names.get(output)!),
    attribute: Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value)),
  };
}

/** An attribute of a node. */
export function encodeAttribute(name: string, value: OnnxAttribute): AttributeProto {
  const type = ATTRIBUTE_TYPE;
  if (typeof value === "number") return { name, type: type.int, i: value };
  if (typeof value === "string") return { name, type: type.string, s: value };
  if ("float" in value) return { name, type: type.float, f: value.float };
  return { name, type: type.ints, ints: value };
}

/** A constant in the file, in its own data type. */
export function encodeTensor(name: string, { dtype, dims, data }: Tensor): TensorProto {
  return encodeRaw(name, ONNX_TYPE[dtype], dims, data);
}

/** The same with the bytes of any data type, by ONNX's number of it. */
export function encodeRaw(
  name: string,
  dataType: number,
  dims: readonly number[],
  { buffer, byteOffset, byteLength }: ArrayBufferView,
): TensorProto {
  const rawData = new Uint8Array(buffer, byteOffset, byteLength); // serializing copies it
  return { name, dataType, dims, rawData };
}

function encodeConstant(name: string, constant: Tensor, place: ExternalPlace | undefined): TensorProto {
  if (place === undefined) return encodeTensor(name, constant);
  const { dtype, dims } = constant;
  const entries = {
    location: place.file,
    offset: place.offset,
    length: sizeOf(dims) * BYTES_PER_ELEMENT[dtype],
  };
  return {
    name,
    dataType: ONNX_TYPE[dtype],
    dims,
    dataLocation: EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value: `${value}` })),
  };
}

const encodeSignature = (name: string, { dtype, dims }: Value): ValueProto => ({
  name,
  elemType: ONNX_TYPE[dtype],
  dims,
});
