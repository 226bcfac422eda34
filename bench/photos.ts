/** @file JPEGs with the statistics of photos: the finer a detail, the weaker it is. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { Rng } from "../src/tensor/rng.ts";

/** Size and quality of the photos: ImageNet's most frequent size, and about its bytes a file. */
export const PHOTO = { width: 500, height: 375, quality: 92 } as const;

const OCTAVES = 8;
/** How much weaker each octave is than the coarser one before it. */
const FALL = 0.68;

/** Writes `count` photos, the same ones every time; returns their bytes altogether. */
export async function writePhotos(folder: string, count: number): Promise<number> {
  let bytes = 0;
  for (let number = 0; number < count; number++) {
    const photo = await makePhoto(Rng.at("photo", number));
    writeFileSync(join(folder, `${`${number}`.padStart(5, "0")}.jpg`), photo);
    bytes += photo.length;
  }
  return bytes;
}

/** Noise of octaves from a few spots across the image to single pixels. */
async function makePhoto(rng: Rng): Promise<Uint8Array> {
  const { width, height, quality } = PHOTO;
  const sum = new Float32Array(width * height * 3).fill(128);
  for (let octave = 0; octave < OCTAVES; octave++) {
    const shrink = 2 ** (OCTAVES - 1 - octave);
    const [across, down] = [Math.ceil(width / shrink), Math.ceil(height / shrink)];
    const noise = Uint8Array.from({ length: across * down * 3 }, () => rng.below(256));
    const enlarged = await sharp(noise, { raw: { width: across, height: down, channels: 3 } })
      .resize(width, height, { fit: "fill", kernel: "cubic" })
      .raw()
      .toBuffer();
    const strength = 0.85 * FALL ** octave;
    for (let i = 0; i < sum.length; i++) sum[i]! += (enlarged[i]! - 128) * strength;
  }
  const pixels = new Uint8Array(Uint8ClampedArray.from(sum).buffer);
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}
