/** @file A graph for one image that rounds as a graph for many does. */
import { graph } from "../graph/graph.ts";
import { emitAll, type Node, operands } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";
import { concat, slice } from "../ops/index.ts";
import { type MatmulOptions, matmulOp } from "../ops/matmul.ts";
import { type ReduceAttributes, reduceMeanOp, reduceSumOp } from "../ops/reduce.ts";

/**
 * The same outputs, to the last bit, as among other images: runtimes add up in another order in the product of a single row
 * by a matrix, and in a sum over the rows of a single image. Where there is one, it is there twice, and one of both is
 * taken: of such a product the matrix is what costs, and that is read once.
 */
export function asAmongOthers(outputs: Readonly<Record<string, Value>>): Record<string, Value> {
  const moved = new Map<Value, Value>();
  const now = (value: Value): Value => moved.get(value) ?? value;
  for (const node of graph(outputs).nodes) {
    const inputs = Object.fromEntries(operands(node).map(([name, value]) => [name, now(value)]));
    const found = single(node);
    const results = emitAll(
      node.op,
      found === undefined ? inputs : doubled(inputs, found),
      node.call.attributes,
    );
    for (const [i, output] of node.call.outputs.entries()) {
      moved.set(output, found === undefined ? results[i]! : slice(results[i]!, found.axis, 0, 1));
    }
  }
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, now(value)]));
}

/** An input, and its axis of length 1 which the output has as well. */
interface Single {
  readonly input: string;
  readonly axis: number;
}

function single({ op, call: { inputs, attributes } }: Node): Single | undefined {
  const kind: unknown = op;
  if (kind === matmulOp) {
    const { a, b } = inputs; // with more axes they are multiplied matrix by matrix, however many there are
    const row = b!.dims.length === 2 && a!.dims.slice(0, -1).every((size) => size === 1);
    if (!row || (attributes as MatmulOptions).transposeA === true) return undefined;
    return { input: "a", axis: a!.dims.length - 2 };
  }
  if (kind !== reduceSumOp && kind !== reduceMeanOp) return undefined;
  const kept = inputs.x!.dims[0] === 1 && !(attributes as ReduceAttributes).axes.includes(0);
  return kept ? { input: "x", axis: 0 } : undefined;
}

function doubled(inputs: Readonly<Record<string, Value>>, { input, axis }: Single): Record<string, Value> {
  const value = inputs[input]!;
  return { ...inputs, [input]: concat([value, value], axis) };
}
