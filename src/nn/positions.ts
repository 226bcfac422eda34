/** @file Position embeddings for another image size than the checkpoint's. */
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** How a checkpoint's positions are laid out and resized. */
export interface PositionLayout {
  /** Positions in the file before those of the patch grid: of CLS, and of a distillation token. */
  readonly before: number;
  /** Tokens before the patches in the network; those that the file has no position for (registers) get zeros. */
  readonly tokens: number;
  /** Filter of transformers' Dinov2WithRegisters and of timm: antialiased, a = -0.5. Else a = -0.75 without. */
  readonly antialias: boolean;
}

/**
 * Resizes the grid part of position embeddings as the checkpoint's library does: bicubic, half-pixel centers.
 * @param position [1, before + n^2, d]
 * @param side patches along one side of the new grid
 * @returns [1, tokens + side^2, d]
 */
export function interpolatePositions(
  position: Tensor<"float32">,
  side: number,
  { before, tokens, antialias }: PositionLayout,
): Tensor<"float32"> {
  const [, count, width] = position.dims as [number, number, number];
  const from = Math.round(Math.sqrt(count - before));
  if (from === side && before === tokens) return position;
  const result = new Float32Array((tokens + side * side) * width);
  result.set(position.data.subarray(0, before * width));
  const grid = position.data.subarray(before * width);
  result.set(from === side ? grid : resizeGrid(grid, from, side, width, antialias), tokens * width);
  return tensor("float32", [1, tokens + side * side, width], result);
}

/** Resizes a square grid of vectors, [from^2, width] -> [side^2, width]; `antialias` as in `PositionLayout`. */
export function resizeGrid(
  grid: Float32Array,
  from: number,
  side: number,
  width: number,
  antialias: boolean,
): Float32Array {
  const taps = antialias ? smoothTaps(from, side) : cubicTaps(from, side);
  const result = new Float32Array(side * side * width);
  for (const [row, rowTaps] of taps.entries()) {
    for (const [column, columnTaps] of taps.entries()) {
      const target = (row * side + column) * width;
      for (const [y, wy] of rowTaps) {
        for (const [x, wx] of columnTaps) {
          const source = (y * from + x) * width;
          for (let k = 0; k < width; k++) result[target + k]! += wy * wx * grid[source + k]!;
        }
      }
    }
  }
  return result;
}

type Taps = readonly (readonly [index: number, weight: number])[];

/** For each of `to` outputs: the four inputs it mixes, with their weights; edges are clamped. */
function cubicTaps(from: number, to: number): Taps[] {
  return Array.from({ length: to }, (_, output) => {
    const center = ((output + 0.5) * from) / to - 0.5;
    const first = Math.floor(center) - 1;
    return [0, 1, 2, 3].map((tap) => [
      Math.min(Math.max(first + tap, 0), from - 1),
      cubic(Math.abs(center - (first + tap)), -0.75),
    ]);
  });
}

/** The same, antialiased: a smaller grid widens the kernel; what lies outside is left out and the rest normalized. */
function smoothTaps(from: number, to: number): Taps[] {
  const stretch = Math.max(from / to, 1);
  return Array.from({ length: to }, (_, output) => {
    const center = ((output + 0.5) * from) / to;
    const first = Math.max(Math.floor(center - 2 * stretch + 0.5), 0);
    const end = Math.min(Math.floor(center + 2 * stretch + 0.5), from);
    const taps = Array.from({ length: end - first }, (_, tap): [number, number] => [
      first + tap,
      cubic(Math.abs(first + tap - center + 0.5) / stretch, -0.5),
    ]);
    const sum = taps.reduce((total, [, weight]) => total + weight, 0);
    return taps.map(([index, weight]) => [index, weight / sum]);
  });
}

/** Keys' cubic convolution kernel. */
function cubic(t: number, a: number): number {
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}
