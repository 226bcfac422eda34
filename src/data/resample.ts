/**
 * @file Pillow's image resampling, bit for bit. sharp enlarges with a shift of half an output pixel (libvips' resize),
 * which no pre-trained network has seen; browsers' canvases promise no kernel at all.
 */
import type { Preprocessing } from "./dataset.ts";

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

const PRECISION_BITS = 22; // 32 bits less 8 of a pixel and 2 for the kernel's overshoot, as in Pillow
const HALF = 1 << (PRECISION_BITS - 1);

/** For each output place: the first input place it reads, and `taps` fixed-point weights. */
interface Weights {
  readonly taps: number;
  readonly first: Int32Array; // [output]
  readonly values: Int32Array; // [output, taps]
}

function weightsFor(input: number, output: number, interpolation: Interpolation): Weights {
  const { support, weight } = KERNELS[interpolation];
  const scale = input / output;
  const widening = Math.max(1, scale); // shrinking averages over the pixels that fall into one
  const reach = support * widening;
  const start = (place: number): number => Math.max(0, Math.trunc((place + 0.5) * scale - reach + 0.5));
  const end = (place: number): number => Math.min(input, Math.trunc((place + 0.5) * scale + reach + 0.5));
  let taps = 1;
  for (let place = 0; place < output; place++) taps = Math.max(taps, end(place) - start(place));
  const first = new Int32Array(output);
  const values = new Int32Array(output * taps);
  for (let place = 0; place < output; place++) {
    const centre = (place + 0.5) * scale;
    const raw: number[] = [];
    for (let x = start(place); x < end(place); x++) raw.push(weight((x - centre + 0.5) / widening));
    const sum = raw.reduce((total, value) => total + value, 0);
    // The last places have fewer taps than there is room for: start earlier, with zeros in front.
    const shift = Math.max(0, start(place) + taps - input);
    first[place] = start(place) - shift;
    for (const [index, value] of raw.entries()) {
      const scaled = (value / sum) * 2 ** PRECISION_BITS;
      values[place * taps + shift + index] = Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
  return { taps, first, values };
}

/** Resizes RGB rows to `toWidth` x `toHeight` exactly as `PIL.Image.resize` does. */
export function resample(
  image: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  toWidth: number,
  toHeight: number,
  interpolation: Interpolation,
): Uint8Array {
  const { width, height } = image;
  let rows = image.data; // [height, width, 3]
  if (toWidth !== width) {
    const result = new Uint8ClampedArray(height * toWidth * 3);
    const weights = weightsFor(width, toWidth, interpolation);
    for (let y = 0; y < height; y++) {
      weigh(rows.subarray(y * width * 3), 3, weights, result.subarray(y * toWidth * 3));
    }
    rows = new Uint8Array(result.buffer); // [height, toWidth, 3]
  }
  if (toHeight !== height) {
    const result = new Uint8ClampedArray(toHeight * toWidth * 3);
    weigh(rows, toWidth * 3, weightsFor(height, toHeight, interpolation), result);
    rows = new Uint8Array(result.buffer); // [toHeight, toWidth, 3]
  }
  return rows === image.data ? rows.slice() : rows;
}

/** Weighs groups of `size` bytes: pixels along a row, or whole rows along a column. */
function weigh(from: Uint8Array, size: number, weights: Weights, to: Uint8ClampedArray): void {
  const { taps, first, values } = weights;
  for (let place = 0; place < first.length; place++) {
    const source = first[place]! * size;
    for (let byte = 0; byte < size; byte++) {
      let sum = HALF;
      for (let tap = 0; tap < taps; tap++) {
        sum = (sum + from[source + tap * size + byte]! * values[place * taps + tap]!) | 0;
      }
      to[place * size + byte] = sum >> PRECISION_BITS; // clamped to 0..255 by the array
    }
  }
}
