/** @file torchvision's RandomResizedCrop: which rectangle of an image a random crop takes. */
import { Rng } from "../tensor/rng.ts";
import type { RandomCrop } from "./dataset.ts";
import { type Box, roundHalfEven } from "./rectangles.ts";

const TRIES = 10;

/**
 * The crop of an image of `width` x `height` pixels, by the rule of torchvision's RandomResizedCrop: ten tries at a
 * random area and shape that fit, then the largest centered crop of an allowed shape. Depends on the crop's seed and
 * the image's size alone.
 */
export function drawCrop({ scale, ratio, seed }: RandomCrop, width: number, height: number): Box {
  const rng = new Rng(seed);
  const [logLow, logHigh] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = width * height * (scale[0] + (scale[1] - scale[0]) * rng.uniform());
    const shape = Math.exp(logLow + (logHigh - logLow) * rng.uniform());
    const across = roundHalfEven(Math.sqrt(area * shape));
    const down = roundHalfEven(Math.sqrt(area / shape));
    if (across > 0 && across <= width && down > 0 && down <= height) {
      const top = rng.below(height - down + 1);
      return { left: rng.below(width - across + 1), top, width: across, height: down };
    }
  }
  const shape = width / height;
  // torchvision would round a sliver, narrower than any allowed shape by a pixel's half, to nothing.
  const across = shape > ratio[1] ? Math.max(1, roundHalfEven(height * ratio[1])) : width;
  const down = shape < ratio[0] ? Math.max(1, roundHalfEven(width / ratio[0])) : height;
  return {
    left: Math.floor((width - across) / 2),
    top: Math.floor((height - down) / 2),
    width: across,
    height: down,
  };
}
