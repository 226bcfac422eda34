/** @file Graph values and the operators between them: what flows along the edges. Shapes are static, so every mistake shows while building. */
import type { DType, Tensor } from "../tensor/tensor.ts";

/** Element type and shape of a value. */
export interface Signature {
  readonly dtype: DType;
  readonly dims: readonly number[];
}

/** A tensor that the graph will compute, be fed, or hold as a constant. */
export interface Value extends Signature {
  readonly source:
    | { readonly kind: "input"; readonly name: string }
    | { readonly kind: "constant"; readonly tensor: Tensor }
    | { readonly kind: "node"; readonly node: Node; readonly output: number };
}

/** Attributes as ONNX stores them. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** What a gradient rule may look at. */
export interface Call<Inputs extends string, Attributes> {
  readonly inputs: Readonly<Record<Inputs, Value>>;
  readonly outputs: readonly Value[];
  readonly attributes: Attributes;
}

/**
 * Vector-Jacobian product for one input: the gradient of the loss with respect to the first output in,
 * the gradient with respect to that input out. The result may still have the broadcast shape: `backward` sums it.
 */
export type Vjp<Inputs extends string, Attributes> = (dy: Value, call: Call<Inputs, Attributes>) => Value;

/** One ONNX operator with everything we need to know about it. */
export interface Op<Inputs extends string, Attributes> {
  /** ONNX operator name. */
  readonly type: string;
  /** ONNX domain; the default one if absent. */
  readonly domain?: string;
  /** Shapes of the outputs. @throws with the operands' shapes when they don't fit. */
  infer(inputs: Readonly<Record<Inputs, Value>>, attributes: Attributes): readonly Signature[];
  /** ONNX attributes, and constant tensors that ONNX takes as further inputs (a Reshape's shape). */
  onnx?(attributes: Attributes): {
    readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
    readonly constants?: readonly Tensor[];
  };
  /**
   * One entry per input, in ONNX's input order. "none" is written out where an input has no gradient, and
   * "constant" where it may depend on a parameter and is taken as fixed all the same: a scale of rounding.
   */
  readonly vjp: { readonly [Input in Inputs]: Vjp<Inputs, Attributes> | "none" | "constant" };
}

/** One application of an operator. */
export interface Node<Inputs extends string = string, Attributes = unknown> {
  readonly op: Op<Inputs, Attributes>;
  readonly call: Call<Inputs, Attributes>;
}

/** A value that is given at every run: images, trained parameters, and frozen weights alike. */
export function input(name: string, dtype: DType, dims: readonly number[]): Value {
  return { dtype, dims, source: { kind: "input", name } };
}

/** A value stored in the graph itself. For small things: frozen weights are inputs, held once for all graphs. */
export function constant(tensor: Tensor): Value {
  return { dtype: tensor.dtype, dims: tensor.dims, source: { kind: "constant", tensor } };
}

/** A constant number of the given floating type, of shape []. */
export function scalar(value: number, dtype: DType): Value {
  if (dtype !== "float32" && dtype !== "float64") throw new Error(`scalar: ${dtype} is not a floating type`);
  return constant({
    dtype,
    dims: [],
    data: dtype === "float32" ? Float32Array.of(value) : Float64Array.of(value),
  });
}

/** "f32[2,3]", for messages and text. */
export function describe({ dtype, dims }: Signature): string {
  return `${dtype.replace("float", "f").replace("uint", "u").replace("int", "i")}[${dims.join(",")}]`;
}
