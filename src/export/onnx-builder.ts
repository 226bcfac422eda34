/** @file An ONNX model under construction: nodes and initializers by name, for files that other programs run. */
import type { OnnxAttribute } from "../graph/op.ts";
import { encodeAttribute, encodeRaw, encodeTensor } from "../onnx/encode.ts";
import { modelBytes, type NodeProto, type TensorProto, type ValueProto } from "../onnx/messages.ts";
import { ONNX_TYPE } from "../ops/index.ts";
import { toHalf } from "../tensor/half.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** ONNX's number of half precision. */
export const FLOAT16 = 10;

/** Oldest operator set with all that is used: Resize with antialiasing came with 18. Older runtimes read it, too. */
const OPSET = 18;
const IR_VERSION = 8;

/** An input or output: its axes are numbers, or names where any length will do. */
export type Port = Omit<ValueProto, "elemType">;

/** Nodes in running order, and the constants that they use. */
export class OnnxBuilder {
  readonly #nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  #results = 0;

  /** Adds a node and names its outputs; one of them unless told otherwise. @returns the first one's name */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    outputs: readonly string[] = [this.fresh()],
  ): string {
    this.#nodes.push({
      opType,
      name: `${opType}_${this.#nodes.length}`, // tools list nodes by name
      input: inputs,
      output: outputs,
      attribute: Object.entries(attributes).map(([name, value]) => encodeAttribute(name, value)),
    });
    return outputs[0]!;
  }

  /** A name that nothing has yet. */
  fresh(): string {
    return `r${this.#results++}`;
  }

  /** Adds a constant, once by its name. @param half float32 is stored in half precision */
  constant(name: string, value: () => Tensor, { half = false }: { readonly half?: boolean } = {}): string {
    if (!this.#initializers.has(name)) this.#initializers.set(name, encodeInitializer(name, value(), half));
    return name;
  }

  /** Whole numbers, [n]; the same ones are stored once. */
  int64(values: readonly number[]): string {
    const data = (): Tensor => ({
      dtype: "int64",
      dims: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
    return this.constant(`int64 ${values.join()}`, data);
  }

  /** A number, []. */
  float(value: number, half = false): string {
    const data = (): Tensor => ({ dtype: "float32", dims: [], data: Float32Array.of(value) });
    return this.constant(`${half ? "float16" : "float32"} ${value}`, data, { half });
  }

  /** The whole model. */
  model(inputs: readonly Port[], outputs: readonly Port[], description: string): Uint8Array {
    return modelBytes({
      irVersion: IR_VERSION,
      producerName: "fm-lora",
      docString: description,
      opsetImport: [{ domain: "", version: OPSET }],
      graph: {
        name: "classifier",
        node: this.#nodes,
        initializer: [...this.#initializers.values()],
        input: inputs.map(encodePort),
        output: outputs.map(encodePort),
      },
    });
  }
}

function encodeInitializer(name: string, value: Tensor, half: boolean): TensorProto {
  if (!half || !(value.data instanceof Float32Array)) return encodeTensor(name, value);
  return encodeRaw(name, FLOAT16, value.dims, toHalf(value.data));
}

/** Inputs and outputs are float32 in every file. */
const encodePort = (port: Port): ValueProto => ({ ...port, elemType: ONNX_TYPE.float32 });
