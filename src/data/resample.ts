/**
 * @file Pillow's image resampling, bit for bit. sharp enlarges with a shift of half an output pixel (libvips' resize),
 * which no pre-trained network has seen; browsers' canvases promise no kernel at all.
 */
import { InputError } from "../tensor/errors.ts";
import { memoryOf } from "../tensor/web-assembly.ts";
import type { Preprocessing } from "./dataset.ts";
import type { Placement, RgbImage } from "./placement.ts";
import { GROUP, resampleKernel } from "./resample-kernel.ts";

type Interpolation = Preprocessing["interpolation"];

/** Weight at distance `x`, and the distance from which it is zero. */
const KERNELS: Readonly<Record<Interpolation, { support: number; weight: (x: number) => number }>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2, // Keys' cubic with a = -0.5
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
};

const UNIT = 2 ** 22; // 32 bits less 8 of a pixel and 2 for the kernel's overshoot, as in Pillow

/** Bytes of an image that are in the kernel's memory at a time. */
const STRIP = 2 ** 22;
/** Bytes of rows that are resized along and not yet across: an image of 400,000 rows at 224 pixels. */
const LARGEST_ROWS = 2 ** 28;
/** What the kernel may read or write past the end of something. */
const SLACK = 16;

/** One side of a resizing: `input` places become `output`, of which `count` from `first` on are wanted. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly first: number;
  readonly count: number;
  /** The last place comes first. */
  readonly reversed: boolean;
}

/** What the kernel reads for each wanted place: its first byte, its number of weights, their address; then weights. */
interface Table {
  readonly words: Int32Array;
  /** Input places that are read. */
  readonly begin: number;
  readonly end: number;
}

/** @param bytes from one input place to the next */
function tableFor(axis: Axis, interpolation: Interpolation, bytes: number, address: number): Table {
  const { support, weight } = KERNELS[interpolation];
  const { input, output, first, count } = axis;
  const scale = input / output;
  const widening = Math.max(1, scale); // shrinking averages over the pixels that fall into one
  const reach = support * widening;
  const start = (place: number): number => Math.max(0, Math.trunc((place + 0.5) * scale - reach + 0.5));
  const end = (place: number): number => Math.min(input, Math.trunc((place + 0.5) * scale + reach + 0.5));
  const begin = start(first);
  const words = new Int32Array(count * (3 + Math.ceil(2 * reach) + 1));
  const raw = new Float64Array(Math.ceil(2 * reach) + 1);
  let next = 3 * count;
  for (let index = 0; index < count; index++) {
    const place = axis.reversed ? first + count - 1 - index : first + index;
    const [from, taps] = [start(place), end(place) - start(place)];
    const center = (place + 0.5) * scale;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      raw[tap] = weight((from + tap - center + 0.5) / widening);
      sum += raw[tap]!;
    }
    words[3 * index] = (from - begin) * bytes;
    words[3 * index + 1] = taps;
    words[3 * index + 2] = address + 4 * next;
    for (let tap = 0; tap < taps; tap++) {
      const scaled = (raw[tap]! / sum) * UNIT;
      words[next++] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return { words: words.subarray(0, next), begin, end: end(first + count - 1) };
}

/**
 * Cuts and resizes RGB rows exactly as `PIL.Image.crop` and `resize` do, and mirrors them where asked.
 * @throws InputError for a strip of so many rows that no memory would hold them
 */
export function place(
  image: RgbImage,
  { crop, resized, cut }: Placement,
  { interpolation, flip }: { readonly interpolation: Interpolation; readonly flip: boolean },
): Uint8Array<ArrayBuffer> {
  const width = {
    input: crop.width,
    output: resized.width,
    first: cut.left,
    count: cut.width,
    reversed: flip,
  };
  const height = {
    input: crop.height,
    output: resized.height,
    first: cut.top,
    count: cut.height,
    reversed: false,
  };
  const columns = tableFor(width, interpolation, 3, 0);
  const rowBytes = 3 * cut.width;
  const rowTable = aligned(columns.words.byteLength);
  const pitch = aligned(rowBytes + 1);
  const rows = tableFor(height, interpolation, pitch, rowTable);
  const count = rows.end - rows.begin;
  if (count * pitch > LARGEST_ROWS)
    throw new InputError(`${image.width} x ${image.height} pixels are too long a strip to resize; remove it`);

  const stride = 3 * (columns.end - columns.begin);
  const stripRows = Math.min(count, Math.max(1, Math.floor(STRIP / stride)));
  const strip = rowTable + aligned(rows.words.byteLength);
  const along = strip + aligned((stripRows + GROUP) * stride + SLACK);
  const across = along + (count + GROUP) * pitch + SLACK;
  const kernel = resampleKernel();
  const memory = new Uint8Array(memoryOf(kernel, across + rowBytes * cut.height + SLACK));
  memory.set(bytesIn(columns.words), 0);
  memory.set(bytesIn(rows.words), rowTable);
  for (let done = 0; done < count; done += stripRows) {
    const taken = Math.min(stripRows, count - done);
    for (let row = 0; row < taken; row++) {
      const y = crop.top + rows.begin + done + row;
      const from = 3 * (y * image.width + crop.left + columns.begin);
      memory.set(image.data.subarray(from, from + stride), strip + row * stride);
    }
    kernel.along(strip, stride, taken, 0, cut.width, along + done * pitch, pitch);
  }
  kernel.across(along, pitch, rowBytes, rowTable, cut.height, across);
  return memory.slice(across, across + rowBytes * cut.height);
}

const aligned = (bytes: number): number => Math.ceil(bytes / SLACK) * SLACK;

const bytesIn = (words: Int32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
