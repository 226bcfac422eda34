/** @file Half precision: 1 bit sign, 5 bits exponent, 10 bits fraction. */

/** float32 numbers as half-precision bits, rounded to the nearest, ties to even; what is too large becomes infinite. */
export function toHalf(numbers: Float32Array): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  const halves = new Uint16Array(bits.length);
  for (let i = 0; i < bits.length; i++) halves[i] = halfBits(bits[i]!); // `from` takes twenty times as long
  return halves;
}

/** The numbers of such bits, exactly. */
export function fromHalf(halves: Uint16Array): Float32Array {
  const table = halfTable();
  const numbers = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) numbers[i] = table[halves[i]!]!;
  return numbers;
}

function halfBits(single: number): number {
  const sign = (single >>> 16) & 0x8000;
  const magnitude = single & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // not a number
  if (magnitude >= 0x47800000) return sign | 0x7c00; // 65536 and above
  if (magnitude < 0x38800000) {
    // Below 2^-14 halves are multiples of 2^-24; this sum rounds to one, and its last bits are that multiple.
    scratch[0] = Math.abs(asSingle(magnitude)) + 0.5;
    return sign | (scratchBits[0]! - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13); // a fraction that overflows raises the exponent
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function asSingle(bits: number): number {
  scratchBits[0] = bits;
  return scratch[0]!;
}

let halves: Float32Array | undefined;

/** The number of each of the 65,536 bit patterns: a look-up is the quickest conversion in plain JavaScript. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
  return halves;
}
