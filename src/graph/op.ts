/** @file Operators: shape inference, ONNX form and one gradient rule per input, side by side in one object. */
import { describe, type Node, type Op, type Value } from "./value.ts";

export type { Node, OnnxAttribute, Op, Vjp } from "./value.ts";

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
