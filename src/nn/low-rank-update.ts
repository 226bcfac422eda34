/** @file Low-rank changes of linear layers as numbers, and one upon another. */
import { type Tensor, tensor, zeroTensor } from "../tensor/tensor.ts";

/** A low-rank change of a layer, W = W0 + B A. */
export interface LowRankUpdate {
  readonly a: Tensor<"float32">; // [r, in]
  readonly b: Tensor<"float32">; // [out, r]
}

/** Changes by layer: "blocks.0.query". */
export type LowRankUpdates = Readonly<Record<string, LowRankUpdate>>;

/** W with a change added, which is rounded there. @param update of W's numbers */
export const changedWeight = ({ dims, data }: Tensor<"float32">, update: Float64Array): Tensor<"float32"> =>
  tensor(
    "float32",
    dims,
    data.map((value, i) => value + update[i]!),
  );

/** Both changes as one: B A + D C = [B D] [A; C], of the sum of their ranks. */
export function stackedUpdates(first: LowRankUpdates, second: LowRankUpdates): LowRankUpdates {
  const both = Object.entries(second).map(
    ([layer, update]) => [layer, stacked(first[layer], update)] as const,
  );
  return { ...first, ...Object.fromEntries(both) };
}

/** The same of one layer, which may have no change yet. */
export function stacked(before: LowRankUpdate | undefined, { a, b }: LowRankUpdate): LowRankUpdate {
  if (before === undefined) return { a, b };
  const [known, rank] = [before.a.dims[0]!, a.dims[0]!];
  const [out, width] = [b.dims[0]!, a.dims[1]!];
  const rows = zeroTensor([known + rank, width]);
  rows.data.set(before.a.data);
  rows.data.set(a.data, known * width);
  const columns = zeroTensor([out, known + rank]);
  for (let row = 0; row < out; row++) {
    const at = row * (known + rank);
    columns.data.set(before.b.data.subarray(row * known, (row + 1) * known), at);
    columns.data.set(b.data.subarray(row * rank, (row + 1) * rank), at + known);
  }
  return { a: rows, b: columns };
}
