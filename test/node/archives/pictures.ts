/** @file Small images for fixtures, each another one. */
import { crc32 } from "node:zlib";
import sharp from "sharp";

/** An image of one color, which depends on `name`. */
export function picture(name: string, format: "jpeg" | "png" = "jpeg", side = 24): Promise<Buffer> {
  const color = crc32(Buffer.from(name));
  const background = { r: color & 255, g: (color >> 8) & 255, b: (color >> 16) & 255 };
  return sharp({ create: { width: side, height: side, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}
