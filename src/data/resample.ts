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
/** Taps that are weighed together. */
const STEP = 2;
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
  taps += taps % STEP;
  const first = new Int32Array(output);
  const values = new Int32Array(output * taps);
  for (let place = 0; place < output; place++) {
    const centre = (place + 0.5) * scale;
    const raw: number[] = [];
    for (let x = start(place); x < end(place); x++) raw.push(weight((x - centre + 0.5) / widening));
    const sum = raw.reduce((total, value) => total + value, 0);
    // The last places have fewer taps than there is room for: start earlier, with zeros in front. An image smaller
    // than the taps is read past its end, with weight 0.
    const shift = Math.min(start(place), Math.max(0, start(place) + taps - input));
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
  const { width, height, data } = image; // data: [height, width, 3]
  if (toWidth === width && toHeight === height) return data.slice();
  const rows = toWidth === width ? data : alongRows(data, height, width, toWidth, interpolation);
  return toHeight === height ? rows : alongColumns(rows, toWidth * 3, height, toHeight, interpolation);
}

/** [height, width, 3] -> [height, toWidth, 3] */
function alongRows(
  from: Uint8Array,
  height: number,
  width: number,
  toWidth: number,
  interpolation: Interpolation,
): Uint8Array {
  const { taps, first, values } = weightsFor(width, toWidth, interpolation);
  const result = new Uint8ClampedArray(height * toWidth * 3); // clamps overshoot to 0..255
  let to = 0;
  for (let y = 0; y < height; y++) {
    for (let place = 0; place < toWidth; place++) {
      let at = (y * width + first[place]!) * 3;
      let red = HALF;
      let green = HALF;
      let blue = HALF;
      const end = (place + 1) * taps;
      for (let tap = place * taps; tap < end; tap += STEP, at += 3 * STEP) {
        // Math.imul stays in 32 bits, as Pillow does; a plain product becomes floating point and takes twice as long.
        const w0 = values[tap]!;
        const w1 = values[tap + 1]!;
        red = (red + Math.imul(from[at]!, w0) + Math.imul(from[at + 3]!, w1)) | 0;
        green = (green + Math.imul(from[at + 1]!, w0) + Math.imul(from[at + 4]!, w1)) | 0;
        blue = (blue + Math.imul(from[at + 2]!, w0) + Math.imul(from[at + 5]!, w1)) | 0;
      }
      result[to] = red >> PRECISION_BITS;
      result[to + 1] = green >> PRECISION_BITS;
      result[to + 2] = blue >> PRECISION_BITS;
      to += 3;
    }
  }
  return new Uint8Array(result.buffer);
}

/** [height, size] -> [toHeight, size] */
function alongColumns(
  from: Uint8Array,
  size: number,
  height: number,
  toHeight: number,
  interpolation: Interpolation,
): Uint8Array {
  const { taps, first, values } = weightsFor(height, toHeight, interpolation);
  const result = new Uint8ClampedArray(toHeight * size);
  for (let place = 0; place < toHeight; place++) {
    const start = first[place]! * size;
    const tap = place * taps;
    const to = place * size;
    if (taps === 4) {
      // What enlarging needs most, with its weights outside the loop: half as long.
      const w0 = values[tap]!;
      const w1 = values[tap + 1]!;
      const w2 = values[tap + 2]!;
      const w3 = values[tap + 3]!;
      for (let byte = 0, at = start; byte < size; byte++, at++) {
        const upper = Math.imul(from[at]!, w0) + Math.imul(from[at + size]!, w1);
        const lower = Math.imul(from[at + 2 * size]!, w2) + Math.imul(from[at + 3 * size]!, w3);
        result[to + byte] = (HALF + upper + lower) >> PRECISION_BITS;
      }
      continue;
    }
    for (let byte = 0; byte < size; byte++) {
      let sum = HALF;
      for (let t = tap, at = start + byte; t < tap + taps; t += STEP, at += STEP * size) {
        sum += Math.imul(from[at]!, values[t]!) + Math.imul(from[at + size]!, values[t + 1]!);
      }
      result[to + byte] = sum >> PRECISION_BITS;
    }
  }
  return new Uint8Array(result.buffer);
}
