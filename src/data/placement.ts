/** @file Where a view cuts and resizes an image: the same whole pixels for every decoder. */
import type { Preprocessing, View } from "./dataset.ts";
import { drawCrop } from "./random-crop.ts";
import { type Box, roundHalfEven } from "./rectangles.ts";

/** Raw RGB rows. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array; // [height, width, 3]
}

/** `crop` of the image is resized to `resized`, of which `cut` is kept. */
export interface Placement {
  readonly crop: Box;
  readonly resized: { readonly width: number; readonly height: number };
  readonly cut: Box;
}

/** What a view (null: a test image) takes of an image of `width` x `height`; mirroring comes after it. */
export function placement(
  width: number,
  height: number,
  { size, cropFraction }: Preprocessing,
  view: View | null,
): Placement {
  const whole = { left: 0, top: 0, width: size, height: size };
  if (view?.crop != null) {
    return { crop: drawCrop(view.crop, width, height), resized: whole, cut: whole };
  }
  const crop = { left: 0, top: 0, width, height };
  if (cropFraction === null) return { crop, resized: whole, cut: whole };
  // torchvision's Resize and CenterCrop, with timm's rounding of the size: 224 / 0.9 becomes 248.
  const shorter = Math.floor(size / cropFraction + 1e-6);
  const resized =
    width <= height
      ? { width: shorter, height: Math.floor((shorter * height) / width) }
      : { width: Math.floor((shorter * width) / height), height: shorter };
  const left = roundHalfEven((resized.width - size) / 2);
  const top = roundHalfEven((resized.height - size) / 2);
  return { crop, resized, cut: { left, top, width: size, height: size } };
}

/** The rows of a square image from right to left. */
export function mirrored(pixels: Uint8Array, size: number): Uint8Array {
  const result = new Uint8Array(pixels.length);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const from = (y * size + x) * 3;
      const to = (y * size + (size - 1 - x)) * 3;
      result[to] = pixels[from]!;
      result[to + 1] = pixels[from + 1]!;
      result[to + 2] = pixels[from + 2]!;
    }
  }
  return result;
}
