/** @file Small images for fixtures, each another one. */
import { crc32 } from "node:zlib";
import sharp from "sharp";

/** An image of one colour, which depends on `name`. */
export function picture(name: string, format: "jpeg" | "png" = "jpeg", side = 24): Promise<Buffer> {
  const colour = crc32(Buffer.from(name));
  const background = { r: colour & 255, g: (colour >> 8) & 255, b: (colour >> 16) & 255 };
  return sharp({ create: { width: side, height: side, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}
