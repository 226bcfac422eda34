/**
 * @file Ordinary JPEGs, as nearly all photos are, decoded without libvips, whose threads and copies cost as much as the
 * decoding itself. Whatever is unusual about a file, and every fault of one, is for sharp. Where chroma is halved, the
 * pixels are 0.4 of 255 from Pillow's on average and 4 at most; elsewhere 0.02.
 */
import { isMainThread } from "node:worker_threads";
import { Transformer } from "@napi-rs/image";
import type { RgbImage } from "../../data/placement.ts";
import type { Box } from "../../data/rectangles.ts";

type Size = Pick<Box, "width" | "height">;

/** Segments of a JPEG file, by the second byte of their marker. */
const MARKER = { start: 0xd8, end: 0xd9, scan: 0xda, exif: 0xe1, adobe: 0xee } as const;
/** Frames of Huffman-coded images: baseline, extended and progressive. */
const FRAMES: readonly number[] = [0xc0, 0xc1, 0xc2];
/** All other frames: lossless, hierarchical, arithmetic; 0xc4, 0xc8 and 0xcc are no frames. */
const OTHER_FRAMES: readonly number[] = [0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf];
/** How luma is sampled, horizontally and vertically, where chroma is sampled once: 4:4:4, 4:2:2 and 4:2:0. */
const SAMPLINGS: readonly number[] = [0x11, 0x21, 0x22];
/** Pixels a side: what is smaller differs more where chroma is halved, and is decoded soon enough by sharp. */
const LEAST_SIDE = 128;

/** RGB rows of a box of a JPEG that has an `ordinarySize`; null for a faulty one. */
export async function decodeJpeg(
  bytes: Uint8Array,
  { left, top, width, height }: Box,
): Promise<RgbImage | null> {
  // Cut at once: what isn't wanted would only be copied into this thread's memory and collected there.
  const rows = new Transformer(bytes).crop(left, top, width, height);
  // A worker has nothing else to do: it decodes itself, and ONNX Runtime has Node's pool of threads for itself.
  const decode = async (): Promise<Buffer> => (isMainThread ? rows.rawPixels() : rows.rawPixelsSync());
  const data = await decode().catch(() => null);
  return data?.length === width * height * 3 ? { width, height, data } : null;
}

/** Width and height of a complete, upright YCbCr JPEG with 8 bits a sample; null for anything else. */
export function ordinarySize(bytes: Uint8Array): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - 2;
  if (last < 2 || view.getUint16(0) !== 0xff00 + MARKER.start || view.getUint16(last) !== 0xff00 + MARKER.end)
    return null;
  let size: Size | null = null;
  for (let at = 2; at + 4 <= last; ) {
    const [marker, length] = [bytes[at + 1]!, view.getUint16(at + 2)];
    if (bytes[at] !== 0xff || length < 2 || at + 2 + length > last) return null;
    if (marker === MARKER.scan) return size;
    const segment = new DataView(bytes.buffer, bytes.byteOffset + at + 4, length - 2);
    if (OTHER_FRAMES.includes(marker) || (FRAMES.includes(marker) && size !== null)) return null;
    if (FRAMES.includes(marker)) size = frameSize(segment);
    if (FRAMES.includes(marker) && size === null) return null;
    if (marker === MARKER.adobe && !isYcc(segment)) return null;
    if (marker === MARKER.exif && !isUpright(segment)) return null;
    at += 2 + length;
  }
  return null;
}

/** Of a frame with 8 bits and the components Y, Cb and Cr; null for other frames. */
function frameSize(frame: DataView): Size | null {
  if (frame.byteLength !== 15 || frame.getUint8(0) !== 8 || frame.getUint8(5) !== 3) return null;
  const [height, width] = [frame.getUint16(1), frame.getUint16(3)];
  const components = [6, 9, 12].map((at) => [frame.getUint8(at), frame.getUint8(at + 1)] as const);
  const [luma, ...chroma] = components;
  const usual =
    components.every(([name], index) => name === index + 1) &&
    SAMPLINGS.includes(luma![1]) &&
    chroma.every(([, sampling]) => sampling === 0x11);
  return usual && Math.min(width, height) >= LEAST_SIDE ? { width, height } : null;
}

/** Whether Adobe's segment, if it is one, says YCbCr: the last of its 12 bytes is 1. */
const isYcc = (segment: DataView): boolean => segment.byteLength === 12 && segment.getUint8(11) === 1;

/** Text before Exif's TIFF: XMP lies in segments of the same kind, and says nothing to decoders. */
const EXIF = 0x45786966;
/** The first 4 bytes of TIFF, by byte order. */
const LITTLE = 0x49492a00;
const BIG = 0x4d4d002a;
/** The tag of the orientation; as it should be written; upright. */
const [ORIENTATION, SHORT, UPRIGHT] = [0x0112, 3, 1];

/**
 * Whether a segment surely says nothing of turning: it has no Exif, or Exif that is read to its last entry, and whose
 * orientation, if there is one, is the number 1 as a SHORT. Cameras and editors also write LONG, SLONG and BYTE.
 */
function isUpright(segment: DataView): boolean {
  if (segment.byteLength < 4 || segment.getUint32(0) !== EXIF) return true;
  if (segment.byteLength < 14) return false;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  const order = tiff.getUint32(0);
  const little = order === LITTLE;
  if (!little && order !== BIG) return false;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return false;
  const end = directory + 2 + 12 * tiff.getUint16(directory, little);
  if (end > tiff.byteLength) return false;
  for (let entry = directory + 2; entry < end; entry += 12) {
    if (tiff.getUint16(entry, little) !== ORIENTATION) continue;
    const [type, count] = [tiff.getUint16(entry + 2, little), tiff.getUint32(entry + 4, little)];
    if (type !== SHORT || count !== 1 || tiff.getUint16(entry + 8, little) !== UPRIGHT) return false;
  }
  return true;
}
