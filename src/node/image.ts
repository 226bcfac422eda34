/** @file Decoding, cropping and resizing with sharp (libvips), whose work runs in its own threads. */
import sharp, { type Sharp, type SharpOptions } from "sharp";
import type { ImageTransform, StoredImage } from "../data/dataset.ts";
import { mirrored, type Placement, place, placement, type RgbImage } from "../data/placement.ts";
import { InputError } from "../tensor/errors.ts";

// libvips remembers operations in case one comes again: ours never does, and each costs 0.15 ms to remember.
sharp.cache(false);

// Above phone cameras (108 megapixels), far below what a compressed bomb can unfold to.
const LARGEST_PIXELS = 120_000_000;

/** Catmull-Rom (a = -0.5) and triangle, widened when shrinking: the same kernels as Pillow's. */
const KERNELS = { bicubic: "cubic", bilinear: "linear" } as const;

const WHITE = { background: "#ffffff" };

/**
 * Decodes a JPEG, PNG, WebP or GIF (its first frame), or takes raw rows, turned as EXIF says. Grey, CMYK and 16 bits
 * become 8-bit sRGB; what is transparent becomes white, as it looks on a page. Never SVG, whatever the file is called.
 */
export const sharpTransform: ImageTransform = async (image, preprocessing, view) => {
  try {
    const { input, width, height } = await opened(image);
    const placed = placement(width, height, preprocessing, view);
    const { crop, resized } = placed;
    const enlarges = resized.width > crop.width || resized.height > crop.height;
    const pixels = enlarges
      ? await enlarge(image, input, placed, preprocessing.interpolation)
      : await shrink(input, placed, preprocessing.interpolation);
    return view?.flip === true ? mirrored(pixels, preprocessing.size) : pixels;
  } catch (error) {
    // sharp's errors are plain ones; these are faults of the program.
    if (error instanceof InputError || error instanceof TypeError || error instanceof RangeError) throw error;
    throw undecodable(error);
  }
};

/** All of an image as RGB rows, turned; null where its crops would not be those of the file, bit for bit. */
export async function decodeWhole(image: StoredImage): Promise<RgbImage | null> {
  if (image.kind === "rgb") return null;
  try {
    const { input, width, height } = await opened(image);
    const { depth, space, hasAlpha } = await input.metadata();
    if (depth !== "uchar" || hasAlpha || (space !== "srgb" && space !== "b-w")) return null;
    return { width, height, data: await rgb(input) };
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw undecodable(error);
  }
}

/**
 * Draws SVG text as a square PNG on white. Only for drawings that come with the product or its packages: an SVG
 * from elsewhere may be made to be slow.
 */
export async function renderSvg(svg: string, side: number): Promise<StoredImage> {
  try {
    const drawn = sharp(new TextEncoder().encode(svg))
      .resize(side, side, { fit: "contain", ...WHITE })
      .flatten(WHITE);
    return { kind: "encoded", bytes: await drawn.png().toBuffer() };
  } catch (error) {
    throw undecodable(error);
  }
}

/** The image and its size after turning. */
async function opened(image: StoredImage): Promise<{ input: Sharp; width: number; height: number }> {
  if (image.kind === "rgb") {
    const { width, height, data } = image;
    if (data.length !== width * height * 3) {
      throw new InputError(`${data.length} bytes are not ${width} x ${height} RGB pixels`);
    }
    return { input: sharp(data, { raw: { width, height, channels: 3 } }), width, height };
  }
  checkFormat(image.bytes);
  // "error" stops at a truncated file, as Pillow does, but not at a warning about harmless extra bytes.
  const options: SharpOptions = { failOn: "error", ignoreIcc: true, limitInputPixels: LARGEST_PIXELS };
  const { autoOrient } = await sharp(image.bytes, options).metadata();
  return { input: sharp(image.bytes, { ...options, autoOrient: true }), ...autoOrient };
}

const SIGNATURES = [/^\xff\xd8\xff/, /^\x89PNG\r\n/, /^RIFF[\s\S]{4}WEBP/, /^GIF8/];

function checkFormat(bytes: Uint8Array): void {
  const start = String.fromCharCode(...bytes.subarray(0, 12));
  if (!SIGNATURES.some((signature) => signature.test(start))) {
    const found = bytes.length === 0 ? "an empty file" : "some other content";
    throw new InputError(
      `expected a JPEG, PNG, WebP or GIF image, found ${found}; convert, replace or remove it`,
    );
  }
}

/** Resizes in libvips: 0.6 of 255 from Pillow on average and 6 at most, on a harsh pattern (test/data/image.test.ts). */
function shrink(input: Sharp, { crop, resized, cut }: Placement, interpolation: keyof typeof KERNELS) {
  const { width, height } = resized;
  // Shrinking while decoding is faster, but gives other pixels than the networks were trained on.
  const options = { fit: "fill", kernel: KERNELS[interpolation], fastShrinkOnLoad: false } as const;
  return rgb(input.extract(crop).resize(width, height, options).extract(cut));
}

/** Resizes in TypeScript, because libvips shifts what it enlarges by half a pixel: 1 to 2 ms at 224 pixels. */
async function enlarge(
  image: StoredImage,
  input: Sharp,
  placed: Placement,
  interpolation: keyof typeof KERNELS,
): Promise<Uint8Array> {
  if (image.kind === "rgb") return place(image, placed, interpolation);
  const { width, height } = placed.crop;
  const data = await rgb(input.extract(placed.crop));
  return place(
    { width, height, data },
    { ...placed, crop: { left: 0, top: 0, width, height } },
    interpolation,
  );
}

async function rgb(image: Sharp): Promise<Uint8Array> {
  return image.flatten(WHITE).toColourspace("srgb").raw({ depth: "uchar" }).toBuffer();
}

function undecodable(error: unknown): InputError {
  const reason = (error instanceof Error ? error.message : String(error))
    .trim()
    .replaceAll(/\s*\n\s*/g, "; ");
  return new InputError(`can't be decoded (${reason}); replace or remove it`, { cause: error });
}
