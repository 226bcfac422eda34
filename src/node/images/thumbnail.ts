/** @file Prepared images as small files for pages. */

/** Pixels of a side: sharp on a dense screen at the size that pages show it in. */
const SIDE = 112;

/** An image as an address that has the image itself. pixels: [side, side, 3] */
export async function thumbnail(pixels: Uint8Array, side: number): Promise<string> {
  const { default: sharp } = await import("sharp");
  const image = sharp(pixels, { raw: { width: side, height: side, channels: 3 } });
  const bytes = await image.resize(SIDE, SIDE, { withoutEnlargement: true }).webp({ quality: 75 }).toBuffer();
  return `data:image/webp;base64,${bytes.toString("base64")}`;
}
