/** @file Which of a teacher's heads and hidden units a smaller network gets. */

import { product } from "../../tensor/linear-algebra.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type AffineFit, range } from "./affine-fit.ts";

/** Adds one head after the other, each time the one that explains most; the columns of all of them. */
export function bestHeads(mixing: AffineFit, heads: number, width: number, wanted: number): number[] {
  const columns = (chosen: readonly number[]): number[] =>
    chosen.toSorted((a, b) => a - b).flatMap((head) => range(width).map((channel) => head * width + channel));
  const chosen: number[] = [];
  while (chosen.length < wanted) {
    const open = range(heads).filter((head) => !chosen.includes(head));
    const explained = open.map((head) => mixing.explained(columns([...chosen, head])));
    chosen.push(open[explained.indexOf(Math.max(...explained))]!);
  }
  return columns(chosen);
}

/** The units that move the student's stream most: by the deviation of what they write. In their order. */
export function strongestUnits(
  deviations: ArrayLike<number>,
  written: ArrayLike<number>,
  wanted: number,
): number[] {
  const moved = range(deviations.length).map((unit) => deviations[unit]! * written[unit]!);
  const sorted = range(deviations.length).sort((a, b) => moved[b]! - moved[a]! || a - b);
  return sorted.slice(0, wanted).sort((a, b) => a - b);
}

/** Length of what each input of a teacher's layer adds to the student's stream. */
export function writtenLengths(
  { dims, data }: Tensor<"float32">, // [out, in]
  layerScale: Tensor<"float32"> | undefined, // [out]
  narrowing: Float32Array, // [out, width]
): Float64Array {
  const [out, inputs] = dims as [number, number];
  const columns = new Float32Array(inputs * out); // transposed
  for (let i = 0; i < inputs; i++) {
    for (let o = 0; o < out; o++) columns[i * out + o] = data[o * inputs + i]! * (layerScale?.data[o] ?? 1);
  }
  const width = narrowing.length / out;
  const written = product(columns, out, narrowing, width);
  return Float64Array.from({ length: inputs }, (_, i) =>
    Math.hypot(...written.subarray(i * width, (i + 1) * width)),
  );
}
