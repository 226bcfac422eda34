/** @file Names for the values of a graph, the same at every build. */
import type { Graph } from "../graph/graph.ts";
import { operands } from "../graph/op.ts";
import type { Value } from "../graph/value.ts";

/** Inputs keep their names, constants become c0, c1, ..., results %0, %1, ... in running order. */
export function nameValues(graph: Graph): Map<Value, string> {
  const names = new Map<Value, string>();
  for (const [name, value] of graph.inputs) names.set(value, name);
  let constants = 0;
  let results = 0;
  const nameConstant = (value: Value): void => {
    if (value.source.kind === "constant" && !names.has(value)) names.set(value, `c${constants++}`);
  };
  for (const node of graph.nodes) {
    for (const [, value] of operands(node)) nameConstant(value);
    for (const output of node.call.outputs) names.set(output, `%${results++}`);
  }
  for (const value of Object.values(graph.outputs)) nameConstant(value);
  return names;
}
