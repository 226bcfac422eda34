/** @file Image files to pixels by the browser's own decoders; cut and resized as everywhere, as Pillow does. */
import type { ImageTransform, StoredImage } from "../data/dataset.ts";
import { checkFormat, LARGEST_PIXELS, undecodable } from "../data/image-format.ts";
import { placement, type RgbImage } from "../data/placement.ts";
import { place } from "../data/resample.ts";
import { InputError } from "../tensor/errors.ts";

/** One at a time: whoever prepares images asks for dozens at once, and a photo takes 48 MB as a canvas has it. */
let last: Promise<unknown> = Promise.resolve();

/**
 * Decodes a JPEG, PNG, WebP or GIF (its first frame), turned as EXIF says, without color profiles; what is transparent
 * becomes white. Opaque PNG, WebP and GIF are decoded as in Node, bit for bit; docs/browser.md has the others.
 */
export const canvasTransform: ImageTransform = async (image, preprocessing, view) => {
  const turn = last.then(() => rgbOf(image));
  last = turn.catch(() => {});
  const rgb = await turn;
  return place(rgb, placement(rgb.width, rgb.height, preprocessing, view), {
    interpolation: preprocessing.interpolation,
    flip: view?.flip === true,
  });
};

async function rgbOf(image: StoredImage): Promise<RgbImage> {
  if (image.kind === "rgb") return image;
  checkFormat(image.bytes);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([image.bytes as Uint8Array<ArrayBuffer>]), {
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch (error) {
    throw undecodable(error);
  }
  try {
    const { width, height } = bitmap;
    if (width * height > LARGEST_PIXELS) {
      throw new InputError(
        `has ${width} x ${height} pixels, at most ${LARGEST_PIXELS} are read; make it smaller or remove it`,
      );
    }
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true })!;
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    return { width, height, data: withoutAlpha(context.getImageData(0, 0, width, height).data) };
  } finally {
    bitmap.close();
  }
}

/** RGBA -> RGB; everything is opaque. */
function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from]!;
    rgb[to + 1] = rgba[from + 1]!;
    rgb[to + 2] = rgba[from + 2]!;
  }
  return rgb;
}
