/** @file Runs an exported ONNX model once, beside the model that it was made from. */
import type { Images, Preprocessing } from "../data/dataset.ts";
import { Rng } from "../tensor/rng.ts";

/** More than one, and an odd number: an answer that depends on the batch shows. */
const IMAGES = 3;

/** How far an exported model is from its origin, on images of noise. */
export interface OnnxDifference {
  /** Largest difference of scores, as a share of the largest score. */
  readonly share: number;
  /** Images whose likeliest class is the same. */
  readonly agreeing: number;
  readonly images: number;
}

/**
 * Runs a file of ONNX as other programs do.
 * @param pixels `pixel_values` of these dims
 * @returns `logits`, [count, classes]
 */
export type RunOnnx = (
  model: Uint8Array,
  pixels: Float32Array,
  dims: readonly number[],
) => Promise<Float32Array>;

/** Images of noise, one a patch's size of flat color in each corner: the same at every call. */
export function noiseImages({ size }: Preprocessing): Images {
  const rng = Rng.at("export", size);
  const images = Uint8Array.from({ length: IMAGES * size * size * 3 }, () => rng.below(256));
  return { images, count: IMAGES };
}

/**
 * Images as an exported model takes them, [count, 3, size, size].
 * @param resizing as in `OnnxOptions`: how its pixels go in
 */
export function onnxPixels(
  { images, count }: Images,
  { size, mean, std }: Preprocessing,
  resizing: "inside" | "outside",
): Float32Array {
  const area = size * size;
  const pixels = new Float32Array(count * 3 * area);
  for (let image = 0; image < count; image++) {
    for (let channel = 0; channel < 3; channel++) {
      for (let i = 0; i < area; i++) {
        const byte = images[(image * area + i) * 3 + channel]!;
        pixels[(image * 3 + channel) * area + i] =
          resizing === "inside" ? byte : (byte / 255 - mean[channel]!) / std[channel]!;
      }
    }
  }
  return pixels;
}

/** Both [count, classes]. */
export function differenceOf(ours: Float32Array, theirs: Float32Array, count: number): OnnxDifference {
  const width = ours.length / count;
  let [largest, difference, agreeing] = [0, 0, 0];
  for (let row = 0; row < count; row++) {
    const [a, b] = [ours, theirs].map((all) => all.subarray(row * width, (row + 1) * width));
    for (let i = 0; i < width; i++) {
      largest = Math.max(largest, Math.abs(a![i]!));
      difference = Math.max(difference, Math.abs(a![i]! - b![i]!));
    }
    agreeing += Number(likeliest(a!) === likeliest(b!));
  }
  return { share: difference / Math.max(largest, Number.MIN_VALUE), agreeing, images: count };
}

const likeliest = (row: Float32Array): number => row.indexOf(row.reduce((a, b) => Math.max(a, b)));
