/** @file Position embeddings for another image size than the checkpoint's. */
import { type Tensor, tensor } from "../tensor/tensor.ts";

/**
 * Resizes the grid part of position embeddings as transformers does: bicubic with a = -0.75, half-pixel
 * centres, edges clamped, no antialiasing; the CLS position stays.
 * @param position [1, 1 + n^2, d]
 * @param side patches along one side of the new grid
 * @returns [1, 1 + side^2, d]
 */
export function interpolatePositions(position: Tensor<"float32">, side: number): Tensor<"float32"> {
  const [, count, width] = position.dims as [number, number, number];
  const from = Math.round(Math.sqrt(count - 1));
  if (from === side) return position;
  const taps = cubicTaps(from, side);
  const result = new Float32Array((1 + side * side) * width);
  result.set(position.data.subarray(0, width));
  for (const [row, rowTaps] of taps.entries()) {
    for (const [column, columnTaps] of taps.entries()) {
      const target = (1 + row * side + column) * width;
      for (const [y, wy] of rowTaps) {
        for (const [x, wx] of columnTaps) {
          const source = (1 + y * from + x) * width;
          for (let k = 0; k < width; k++) result[target + k]! += wy * wx * position.data[source + k]!;
        }
      }
    }
  }
  return tensor("float32", [1, 1 + side * side, width], result);
}

/** For each of `to` outputs: the four inputs it mixes, with their weights. */
function cubicTaps(from: number, to: number): [index: number, weight: number][][] {
  return Array.from({ length: to }, (_, output) => {
    const centre = ((output + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre) - 1;
    return [0, 1, 2, 3].map((tap) => [
      Math.min(Math.max(first + tap, 0), from - 1),
      cubic(Math.abs(centre - (first + tap))),
    ]);
  });
}

/** Keys' cubic convolution kernel with a = -0.75. */
function cubic(t: number): number {
  const a = -0.75;
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}
