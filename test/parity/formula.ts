/** @file Weights and images from a closed formula of (name, index): the same numbers as goldens.py makes. */
import { sizeOf, type Tensor, tensor } from "../../src/tensor/tensor.ts";

/** A 32-bit hash of name and index, for index 0 to count - 1. */
function bits(name: string, count: number): Uint32Array {
  let seed = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(name)) seed = Math.imul(seed ^ byte, 0x01000193);
  return Uint32Array.from({ length: count }, (_, index) => {
    let x = (Math.imul(index, 0x9e3779b1) + seed) | 0;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return x ^ (x >>> 16);
  });
}

/** The tensor of that name: norm weights and scales near 1, biases small, matrices by fan-in. */
export function formulaWeight(name: string, dims: readonly number[]): Tensor<"float32"> {
  const count = sizeOf(dims);
  const nearOne = /lambda1|gamma/.test(name) || (name.includes("norm") && name.endsWith(".weight"));
  const width = dims.length === 1 || nearOne ? 0.25 : Math.sqrt(3 / (count / dims[0]!));
  const data = Float32Array.from(bits(name, count), (x) => Number(nearOne) + width * (x / 2 ** 31 - 1));
  return tensor("float32", dims, data);
}

/** uint8 [count, size, size, 3]. */
export function formulaImages(count: number, size: number): Tensor<"uint8"> {
  const dims = [count, size, size, 3];
  return tensor(
    "uint8",
    dims,
    Uint8Array.from(bits("images", sizeOf(dims)), (x) => x >>> 24),
  );
}
