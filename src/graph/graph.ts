/** @file A graph: named outputs, and everything that leads to them. */
import { type Node, operands } from "./op.ts";
import type { Value } from "./value.ts";

/** A computation: its named outputs, its inputs by name, and its nodes in an order that can be run. */
export interface Graph {
  readonly outputs: Readonly<Record<string, Value>>;
  readonly inputs: ReadonlyMap<string, Value>;
  readonly nodes: readonly Node[];
}

/**
 * Collects what the outputs need.
 * @throws if two different inputs have one name.
 */
export function graph(outputs: Readonly<Record<string, Value>>): Graph {
  const inputs = new Map<string, Value>();
  const nodes = topologicalOrder(Object.values(outputs), (leaf) => {
    if (leaf.source.kind !== "input") return;
    const { name } = leaf.source;
    if ((inputs.get(name) ?? leaf) !== leaf) throw new Error(`graph: two inputs are named ${name}`);
    inputs.set(name, leaf);
  });
  return { outputs, inputs, nodes };
}

/** Nodes that lead to `values`, each after those it depends on; `onLeaf` sees inputs and constants. */
export function topologicalOrder(values: readonly Value[], onLeaf?: (leaf: Value) => void): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node | Value>();
  // An explicit stack: a training step is thousands of nodes deep.
  const stack: { value: Value; done: boolean }[] = values
    .toReversed()
    .map((value) => ({ value, done: false }));
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { source } = top.value;
    if (source.kind !== "node") {
      if (!seen.has(top.value)) onLeaf?.(top.value);
      seen.add(top.value);
    } else if (top.done) {
      order.push(source.node);
    } else if (!seen.has(source.node)) {
      seen.add(source.node);
      stack.push({ value: top.value, done: true });
      for (const [, value] of operands(source.node).toReversed()) stack.push({ value, done: false });
    }
  }
  return order;
}
