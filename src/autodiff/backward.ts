/** @file Reverse-mode differentiation: builds the gradient as more graph. */
import { topologicalOrder } from "../graph/graph.ts";
import { type Node, operands } from "../graph/op.ts";
import { describe, scalar, type Value } from "../graph/value.ts";
import { add, reduceSum, reshape } from "../ops/index.ts";

/**
 * Gradients of a scalar with respect to `parameters`, in their order.
 *
 * Visits only nodes between a parameter and the loss, so a frozen weight costs nothing and nothing is
 * computed below the first parameter. Sums over broadcast axes and adds the gradients of a value with
 * several uses; no gradient rule has to.
 * @throws if the loss is no scalar, or does not depend on a parameter, or passes through an output or
 * an input that has no gradient.
 */
export function backward(loss: Value, parameters: readonly Value[]): Value[] {
  if (loss.dims.length !== 0) throw new Error(`backward: the loss must be a scalar, it is ${describe(loss)}`);
  const order = topologicalOrder([loss]);
  const active = dependents(order, parameters);
  const gradients = new Map<Value, Value>([[loss, scalar(1, loss.dtype)]]);
  for (const node of order.toReversed()) {
    if (!active.has(node.call.outputs[0]!)) continue;
    const dy = gradients.get(node.call.outputs[0]!);
    if (node.call.outputs.slice(1).some((output) => gradients.has(output))) {
      throw new Error(`backward: only the first output of ${node.op.type} has a gradient`);
    }
    if (dy === undefined) continue;
    for (const [name, value] of operands(node)) {
      if (!active.has(value)) continue;
      const rule = node.op.vjp[name]!;
      if (rule === "constant") continue;
      if (rule === "none") throw new Error(`backward: input ${name} of ${node.op.type} has no gradient`);
      const gradient = sumTo(rule(dy, node.call), value);
      const before = gradients.get(value);
      gradients.set(value, before === undefined ? gradient : add(before, gradient));
    }
  }
  return parameters.map((parameter) => {
    const gradient = gradients.get(parameter);
    if (gradient === undefined)
      throw new Error(`backward: the loss does not depend on a ${describe(parameter)}`);
    return gradient;
  });
}

/** The parameters and all values computed from them. */
function dependents(order: readonly Node[], parameters: readonly Value[]): Set<Value> {
  const active = new Set<Value>(parameters);
  for (const node of order) {
    if (operands(node).some(([, value]) => active.has(value))) {
      for (const output of node.call.outputs) active.add(output);
    }
  }
  return active;
}

/** Sums the axes along which `target` was broadcast. */
function sumTo(gradient: Value, target: Value): Value {
  const lead = gradient.dims.length - target.dims.length;
  const axes = [...gradient.dims.keys()].filter(
    (axis) => gradient.dims[axis] !== (target.dims[axis - lead] ?? 0),
  );
  return axes.length === 0 ? gradient : reshape(reduceSum(gradient, { axes, keepDims: true }), target.dims);
}
