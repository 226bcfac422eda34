/** @file The size of a residual stream, which nothing in the network notices, but an optimizer does. */
import { type Tensor, tensor } from "../../tensor/tensor.ts";
import { range } from "./affine-fit.ts";

/**
 * Scales the residual stream, which every layer norm takes away again, until no layer that writes to it has smaller
 * numbers than those that read from it: an optimizer with equal steps for all numbers (AdamW) would ruin it.
 */
export function withEvenWriters(
  weights: Readonly<Record<string, Tensor<"float32">>>,
  layers: number,
): Record<string, Tensor<"float32">> {
  const size = (name: string): number => {
    const { data } = weights[`${name}.weight`]!;
    return Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
  };
  const named = (names: readonly string[]): number[] =>
    range(layers).flatMap((block) => names.map((name) => size(`blocks.${block}.${name}`)));
  const readers = named(["query", "key", "value", "fc1"]);
  const mean = readers.reduce((sum, value) => sum + value, 0) / readers.length;
  const factor = mean / Math.min(...named(["output", "fc2"]));
  const writes = /^(patch|cls|position)|\.(output|fc2)\./;
  const scaled = ({ dims, data }: Tensor<"float32">) =>
    tensor(
      "float32",
      dims,
      data.map((value) => factor * value),
    );
  return Object.fromEntries(
    Object.entries(weights).map(([name, value]) => [name, writes.test(name) ? scaled(value) : value]),
  );
}
