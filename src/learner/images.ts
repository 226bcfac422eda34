/** @file Images as programs have them, and a digest that tells one learned before. */
import type { Dataset, Sample, StoredImage } from "../data/dataset.ts";
import { InputError } from "../tensor/errors.ts";

/** A browser's or Node's Blob or File: as much of it as is needed. */
export interface BlobLike {
  readonly name?: string;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** Rows of pixels: RGB, or RGBA as canvases have them. [height, width, 3 or 4] */
export interface RawPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** An image that is read when it is needed, and again in every epoch. */
export interface NamedImage {
  /** For messages. */
  readonly name: string;
  /** Bytes of a JPEG, PNG, WebP or GIF. @throws InputError that names it */
  read(): Promise<Uint8Array>;
}

/** An image: bytes of a file, a Blob, pixels with their sides, one that reads itself; in Node also the path of a file. */
export type LearnerImage = string | Uint8Array | BlobLike | RawPixels | NamedImage;

/** Reads the file at a path. */
export type ReadPath = (path: string) => Promise<Uint8Array>;

/** Images with the positions of their classes, as a data set whose samples are read when they are needed. */
export interface ImageSet extends Pick<Dataset, "read"> {
  readonly samples: readonly Sample[];
}

/** One image and the class it is of. */
export interface PlacedImage {
  readonly image: LearnerImage;
  /** Name of its class, for messages. */
  readonly of: string;
  readonly label: number;
}

/** @throws InputError for what is no image of `LearnerImage`, or a path where there are no files */
export function imageSet(images: readonly PlacedImage[], readPath: ReadPath | undefined): ImageSet {
  const readers = new Map<Sample, () => Promise<StoredImage>>();
  const numbers = new Map<string, number>();
  for (const { image, of, label } of images) {
    const number = (numbers.get(of) ?? 0) + 1;
    numbers.set(of, number);
    const { name, read } = readerOf(image, `image ${number} of ${of}`, readPath);
    readers.set({ id: name, label, domain: 0 }, read);
  }
  return { samples: [...readers.keys()], read: (sample) => readers.get(sample)!() };
}

interface Reader {
  readonly name: string;
  read(): Promise<StoredImage>;
}

function readerOf(image: LearnerImage, fallback: string, readPath: ReadPath | undefined): Reader {
  const encoded = (bytes: Uint8Array): StoredImage => ({ kind: "encoded", bytes });
  if (typeof image === "string") {
    if (readPath !== undefined) return { name: image, read: async () => encoded(await readPath(image)) };
    throw new InputError(
      `${fallback}: ${image} is a path, and there are no files here; give the image's bytes`,
    );
  }
  if (image instanceof Uint8Array) return { name: fallback, read: async () => encoded(image) };
  if (typeof image === "object" && image !== null) {
    if ("width" in image) {
      const pixels = rgb(image, fallback);
      return { name: fallback, read: async () => pixels };
    }
    if ("arrayBuffer" in image) {
      const read = async () => encoded(new Uint8Array(await image.arrayBuffer()));
      return { name: image.name ?? fallback, read };
    }
    if ("read" in image) return { name: image.name, read: async () => encoded(await image.read()) };
  }
  throw new InputError(
    `${fallback}: is ${image === null ? "null" : typeof image}; expected bytes of a file, a Blob, or { width, height, data }`,
  );
}

/** Pixels as RGB; what is transparent becomes white, as where files are decoded. */
function rgb({ width, height, data }: RawPixels, name: string): StoredImage {
  const channels = data.length / (width * height);
  if (!(width > 0 && height > 0 && (channels === 3 || channels === 4))) {
    throw new InputError(
      `${name}: ${data.length} bytes are not ${width} x ${height} pixels of RGB or RGBA; expected ${width * height * 3} or ${width * height * 4}`,
    );
  }
  if (channels === 3) return { kind: "rgb", width, height, data: Uint8Array.from(data) };
  const plain = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const alpha = data[4 * i + 3]! / 255;
    for (let k = 0; k < 3; k++) plain[3 * i + k] = Math.round(255 + alpha * (data[4 * i + k]! - 255));
  }
  return { kind: "rgb", width, height, data: plain };
}

/** Bytes of a digest: of a million images two are alike by chance with probability 3 · 10⁻⁸. */
export const DIGEST_BYTES = 8;

/** The first bytes of the SHA-256 of an image as it was handed in: another copy of the file has the same. */
export async function digestOf(image: StoredImage): Promise<Uint8Array> {
  const bytes = image.kind === "encoded" ? image.bytes : image.data;
  const sides = image.kind === "encoded" ? [] : [image.width, image.height];
  const all = new Uint8Array(8 + bytes.length);
  new Int32Array(all.buffer, 0, 2).set(sides);
  all.set(bytes, 8);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).slice(0, DIGEST_BYTES);
}
