/** @file Image files to pixels: cut and resized in the calling thread; a worker also decodes ordinary JPEGs itself. */
import type { Sharp, SharpOptions } from "sharp";
import type { Preprocessing, StoredImage, View } from "../../data/dataset.ts";
import { checkFormat, LARGEST_PIXELS, undecodable } from "../../data/image-format.ts";
import { type Placement, placement, type RgbImage } from "../../data/placement.ts";
import type { Box } from "../../data/rectangles.ts";
import { place } from "../../data/resample.ts";
import { InputError } from "../../tensor/errors.ts";
import { withPixels } from "./gate.ts";
import { decodeJpeg, ordinarySize } from "./jpeg.ts";

let loading: Promise<typeof import("sharp").default> | undefined;

/** sharp, loaded by the first image that needs it: an ordinary JPEG does not. */
function loadedSharp(): Promise<typeof import("sharp").default> {
  loading ??= import("sharp").then(({ default: sharp }) => {
    // libvips remembers operations in case one comes again: ours never does, and each costs 0.15 ms to remember.
    sharp.cache(false);
    return sharp;
  });
  return loading;
}

type Size = Pick<Box, "width" | "height">;

const WHITE = { background: "#ffffff" };

/**
 * Decodes a JPEG, PNG, WebP or GIF (its first frame), or takes raw rows, turned as EXIF says; cuts and resizes as Pillow
 * does, bit for bit. Gray, CMYK and 16 bits become 8-bit sRGB; what is transparent becomes white, as it looks on a page.
 * Never SVG, whatever the file is called.
 */
export async function sharpTransform(
  image: StoredImage,
  preprocessing: Preprocessing,
  view: View | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const how = { interpolation: preprocessing.interpolation, flip: view?.flip === true };
  const placedIn = ({ width, height }: Size) => placement(width, height, preprocessing, view);
  if (image.kind === "rgb") return place(checked(image), placedIn(image), how);
  /** The rest, once there are the rows of the crop alone. */
  const fromCrop = (cropped: RgbImage, placed: Placement): Uint8Array<ArrayBuffer> =>
    place(cropped, { ...placed, crop: { ...placed.crop, left: 0, top: 0 } }, how);
  const size = ordinarySize(image.bytes);
  if (size !== null && size.width * size.height <= LARGEST_PIXELS) {
    const placed = placedIn(size);
    const pixels = await withPixels(size, async () => {
      const cropped = await decodeJpeg(image.bytes, placed.crop);
      return cropped === null ? null : fromCrop(cropped, placed);
    });
    if (pixels !== null) return pixels;
  }
  return decoding(image, async (opened) => {
    const placed = placedIn(opened);
    const { width, height } = placed.crop;
    // libvips decodes no rows below the crop.
    return fromCrop({ width, height, data: await rgb(opened.input.extract(placed.crop)) }, placed);
  });
}

/** Hands over all of an image as RGB rows, turned, unless its crops would not be those of the file, bit for bit. */
export async function withWhole(image: StoredImage, use: (whole: RgbImage) => Promise<void>): Promise<void> {
  if (image.kind === "rgb") return;
  const size = ordinarySize(image.bytes);
  if (size !== null && size.width * size.height <= LARGEST_PIXELS) {
    const used = await withPixels(size, async () => {
      const jpeg = await decodeJpeg(image.bytes, { left: 0, top: 0, ...size });
      if (jpeg !== null) await use(jpeg);
      return jpeg !== null;
    });
    if (used) return;
  }
  await decoding(image, async ({ input, width, height }) => {
    const { depth, space, hasAlpha } = await input.metadata();
    if (depth !== "uchar" || hasAlpha || (space !== "srgb" && space !== "b-w")) return;
    await use({ width, height, data: await rgb(input) });
  });
}

/**
 * Draws SVG text as a square PNG on white. Only for drawings that come with the product or its packages: an SVG
 * from elsewhere may be made to be slow.
 */
export async function renderSvg(svg: string, side: number): Promise<StoredImage> {
  const sharp = await loadedSharp();
  try {
    const drawn = sharp(new TextEncoder().encode(svg))
      .resize(side, side, { fit: "contain", ...WHITE })
      .flatten(WHITE);
    return { kind: "encoded", bytes: await drawn.png().toBuffer() };
  } catch (error) {
    throw undecodable(error);
  }
}

function checked(image: RgbImage): RgbImage {
  const { width, height, data } = image;
  if (data.length !== width * height * 3)
    throw new InputError(`${data.length} bytes are not ${width} x ${height} RGB pixels`);
  return image;
}

/** What `work` makes of an encoded image and its size after turning. @throws InputError if sharp can't decode it */
async function decoding<T>(
  { bytes }: { readonly bytes: Uint8Array },
  work: (opened: { readonly input: Sharp; readonly width: number; readonly height: number }) => Promise<T>,
): Promise<T> {
  checkFormat(bytes);
  // "error" stops at a truncated file, as Pillow does, but not at a warning about harmless extra bytes.
  const options: SharpOptions = { failOn: "error", ignoreIcc: true, limitInputPixels: LARGEST_PIXELS };
  const sharp = await loadedSharp();
  try {
    const { autoOrient } = await sharp(bytes, options).metadata();
    const input = sharp(bytes, { ...options, autoOrient: true });
    return await withPixels(autoOrient, () => work({ input, ...autoOrient }));
  } catch (error) {
    // sharp's errors are plain ones; these are faults of the program.
    if (error instanceof InputError || error instanceof TypeError || error instanceof RangeError) throw error;
    throw undecodable(error);
  }
}

async function rgb(image: Sharp): Promise<Uint8Array> {
  return image.flatten(WHITE).toColourspace("srgb").raw({ depth: "uchar" }).toBuffer();
}
