/** @file Graph to ONNX model bytes. Weights are inputs, so the model holds structure and a few constants only. */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Graph } from "../graph/graph.ts";
import type { Node, OnnxAttribute } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { ONNX_TYPE } from "../ops/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "./generated/onnx_pb.ts";
import { nameValues } from "./names.ts";

/** IR version and operator set we emit: the newest that every supported ONNX Runtime accepts. */
const IR_VERSION = 10n;
const OPSET = 21n;

/** Serialises a graph as an ONNX ModelProto. Outputs keep their names, inputs too. */
export function encodeOnnx(graph: Graph): Uint8Array {
  const names = nameValues(graph);
  const initializers = new Map<string, TensorProto>();
  const nodes: NodeProto[] = graph.nodes.map((node) => encodeNode(node, names, initializers));
  for (const [name, value] of Object.entries(graph.outputs)) {
    // An Identity gives an output its name, also when two outputs are one value or an input.
    nodes.push(create(NodeProtoSchema, { opType: "Identity", input: [names.get(value)!], output: [name] }));
  }
  for (const [value, name] of names) {
    if (value.source.kind === "constant") initializers.set(name, encodeTensor(name, value.source.tensor));
  }
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "fm-lora",
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: "", version: OPSET }),
      create(OperatorSetIdProtoSchema, { domain: "com.microsoft", version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: "fm-lora",
      node: nodes,
      initializer: [...initializers.values()],
      input: [...graph.inputs].map(([name, value]) => encodeSignature(name, value)),
      output: Object.entries(graph.outputs).map(([name, value]) => encodeSignature(name, value)),
    }),
  });
  return toBinary(ModelProtoSchema, model);
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
  return create(NodeProtoSchema, {
    opType: op.type,
    domain: op.domain ?? "",
    input: [...Object.keys(op.vjp).map((input) => names.get(call.inputs[input]!)!), ...extra],
    output: call.outputs.map((output) => names.get(output)!),
    attribute: Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value)),
  });
}

function encodeAttribute(name: string, value: OnnxAttribute): AttributeProto {
  const type = AttributeProto_AttributeType;
  if (typeof value === "number")
    return create(AttributeProtoSchema, { name, type: type.INT, i: BigInt(value) });
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: type.STRING, s: new TextEncoder().encode(value) });
  }
  if ("float" in value) return create(AttributeProtoSchema, { name, type: type.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: type.INTS, ints: value.map(BigInt) });
}

function encodeTensor(name: string, { dtype, dims, data }: Tensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: ONNX_TYPE[dtype],
    dims: dims.map(BigInt),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), // serialising copies it
  });
}

function encodeSignature(name: string, { dtype, dims }: Value): ValueInfoProto {
  const shape = { dim: dims.map((dim) => ({ value: { case: "dimValue" as const, value: BigInt(dim) } })) };
  const tensorType = { elemType: ONNX_TYPE[dtype], shape };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}
