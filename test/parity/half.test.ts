/** @file Weights of 16 bits: read exactly as stored, and how far that rounding moves the features of each family. */
import { expect, test } from "vitest";
import { encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { float32Data, type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { formulaImages } from "./formula.ts";
import { backboneOf, featuresOf, GOLDENS, largestDifference, weightsOf } from "./networks.ts";

/** Bits kept of a float32's 23, and how the stored number is made of the rounded one. */
const TYPES = {
  F16: {
    mantissa: 10,
    stored: (bits: number) => ((bits >> 16) & 0x8000) | (((bits & 0x7fffffff) - (112 << 23)) >> 13),
  },
  BF16: { mantissa: 7, stored: (bits: number) => bits >>> 16 },
} as const;

/** The numbers rounded to so many bits, to nearest with ties to even. Numbers too small for fp16 become 0. */
function rounded(data: Float32Array, mantissa: number): Float32Array {
  const bits = new Uint32Array(new Float32Array(data).buffer);
  const drop = 23 - mantissa;
  for (const [i, value] of bits.entries()) {
    const up = (1 << (drop - 1)) - 1 + ((value >>> drop) & 1);
    bits[i] = ((value + up) >>> drop) << drop;
  }
  const result = new Float32Array(bits.buffer);
  return mantissa === 10 ? result.map((value) => (Math.abs(value) < 2 ** -14 ? 0 : value)) : result;
}

/** A file of 16-bit tensors, from one of float32: the header's types and offsets and the bytes change. */
function inHalf(weights: Readonly<Record<string, Tensor<"float32">>>, dtype: keyof typeof TYPES): Uint8Array {
  let offset = 0;
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  for (const [name, { dims, data }] of Object.entries(weights)) {
    const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const halves = Uint16Array.from(bits, (value, i) => (data[i] === 0 ? 0 : TYPES[dtype].stored(value)));
    const end = offset + halves.byteLength;
    header[name] = { dtype, shape: dims, data_offsets: [offset, end] };
    parts.push(new Uint8Array(halves.buffer));
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true);
  return Buffer.concat([length, json, ...parts]);
}

const cases = GOLDENS.flatMap((golden) =>
  (["F16", "BF16"] as const).map((dtype) => [golden.name, dtype, golden] as const),
);

test.each(cases)("%s in %s", async (name, dtype, golden) => {
  const weights = Object.fromEntries(
    Object.entries(weightsOf(golden)).map(([key, { dims, data }]) => [
      key,
      tensor("float32", dims, rounded(data, TYPES[dtype].mantissa)),
    ]),
  );
  const half = backboneOf(golden, inHalf(weights, dtype));
  const exact = backboneOf(golden, encodeSafetensors(weights));
  for (const [key, { data }] of Object.entries(exact.weights)) {
    expect(largestDifference(half.weights[key]!.data, data), key).toBe(0);
  }
  const images = formulaImages(golden.images, half.config.imageSize);
  const difference = largestDifference(float32Data(await featuresOf(half, images)), golden.features);
  console.log(`${name} in ${dtype}: largest difference ${difference.toExponential(1)}`); // docs/backbones.md
  expect(difference).toBeLessThan(dtype === "F16" ? 1e-2 : 1e-1);
});
