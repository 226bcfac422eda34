/** @file Operators: shape inference, ONNX form and one gradient rule per input, side by side in one object. */
import type { Tensor } from "../tensor/tensor.ts";
import { describe, type Signature, type Value } from "./value.ts";

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

/** Applies an operator and returns all its outputs. */
export function emitAll<Inputs extends string, Attributes>(
  op: Op<Inputs, Attributes>,
  inputs: Readonly<Record<Inputs, Value>>,
  attributes: Attributes,
): readonly Value[] {
  const outputs: Value[] = [];
  const node: Node<Inputs, Attributes> = { op, call: { inputs, outputs, attributes } };
  for (const [output, signature] of op.infer(inputs, attributes).entries()) {
    outputs.push({ ...signature, source: { kind: "node", node: node as unknown as Node, output } });
  }
  return outputs;
}

/** Applies an operator and returns its first output. */
export function emit<Inputs extends string, Attributes>(
  op: Op<Inputs, Attributes>,
  inputs: Readonly<Record<Inputs, Value>>,
  attributes: Attributes,
): Value {
  return emitAll(op, inputs, attributes)[0] as Value;
}

/** The node's inputs with their names, in ONNX's order. */
export function operands(node: Node): readonly (readonly [name: string, value: Value])[] {
  return Object.keys(node.op.vjp).map((name) => [name, node.call.inputs[name] as Value]);
}

/** "MatMul: a is f32[8,64], b is f32[32,10]: <reason>". */
export function shapeError(type: string, inputs: Readonly<Record<string, Value>>, reason: string): Error {
  const shapes = Object.entries(inputs).map(([name, value]) => `${name} is ${describe(value)}`);
  return new Error(`${type}: ${shapes.join(", ")}: ${reason}`);
}
