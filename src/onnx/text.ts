/** @file Graph as readable text: what tests compare and people review. */
import type { Graph } from "../graph/graph.ts";
import { operands } from "../graph/op.ts";
import { describe, type Value } from "../graph/value.ts";
import { nameValues } from "./names.ts";

/** One line per input, node and output, for example `%3: f32[8,64] = FusedMatMul(%2, fc1.weight) {"transB":1}`. */
export function graphText(graph: Graph): string {
  const names = nameValues(graph);
  const reference = (value: Value): string => {
    if (value.source.kind !== "constant") return names.get(value)!;
    const { data } = value.source.tensor;
    return data.length === 1 ? String(Number(data[0]!.toString().slice(0, 12))) : names.get(value)!;
  };
  const inputs = [...graph.inputs].map(([name, value]) => `input ${name}: ${describe(value)}`);
  const nodes = graph.nodes.map((node) => {
    const attributes = JSON.stringify(node.call.attributes);
    const results = node.call.outputs.map((output) => `${names.get(output)}: ${describe(output)}`).join(", ");
    const from = operands(node).map(([, value]) => reference(value));
    return `${results} = ${node.op.type}(${from.join(", ")})${attributes === "{}" ? "" : ` ${attributes}`}`;
  });
  const outputs = Object.entries(graph.outputs).map(
    ([name, value]) => `output ${name} = ${reference(value)}`,
  );
  return `${[...inputs, ...nodes, ...outputs].join("\n")}\n`;
}
