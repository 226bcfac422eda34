/** @file What Pillow made of a pattern (goldens/pillow-resize.py), and the pattern. */
import { readFileSync } from "node:fs";
import type { RgbImage } from "../../src/data/placement.ts";

export interface PillowCase {
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly cropFraction: number | null;
  readonly interpolation: "bicubic" | "bilinear";
  readonly pixels: readonly number[];
}

export const pillowCases: readonly PillowCase[] = JSON.parse(
  readFileSync(new URL("goldens/pillow-resize.json", import.meta.url), "utf8"),
);

/** The same image as `pattern` in goldens/pillow-resize.py. */
export function wavePattern(width: number, height: number): RgbImage & { readonly kind: "rgb" } {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        const wave = Math.sin(x * (0.35 + 0.1 * c) + 0.5 * c) * Math.cos(y * 0.45 - 0.3 * c);
        const value = 128 + 90 * wave + 30 * (((x + 2 * y) % 3) - 1);
        data[(y * width + x) * 3 + c] = Math.max(0, Math.min(255, Math.floor(value + 0.5)));
      }
    }
  }
  return { kind: "rgb", width, height, data };
}
