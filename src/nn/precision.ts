/** @file Which products with frozen weights are computed in 8 bits. */
import { graph } from "../graph/graph.ts";
import { input } from "../graph/value.ts";
import { quantizedMatmul } from "../ops/index.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { tensor, zeroTensor } from "../tensor/tensor.ts";

/** Parts that may stay in float32 while the rest is in 8 bits. */
export const FLOAT32_PARTS = ["first-block", "last-block", "gradients"] as const;

/** One of `FLOAT32_PARTS`. */
export type Float32Part = (typeof FLOAT32_PARTS)[number];

/** Which products with frozen weights are in 8 bits; all others are in float32. */
export interface Precision {
  readonly name: "float32" | "int8";
  /** y = x Wᵀ of the layer of that name, such as "blocks.0.query". */
  forward(layer: string): boolean;
  /** dx = dy W */
  backward(layer: string): boolean;
  /** Largest 8-bit weight: 127, or 63 where the processor's 8-bit products saturate. */
  readonly largestWeight: number;
}

/** Everything in float32. */
export const FLOAT32: Precision = {
  name: "float32",
  forward: () => false,
  backward: () => false,
  largestWeight: 127,
};

/** The linear layers of the blocks in 8 bits, but for the parts named. `largestWeight` as `largestInt8Weight` finds it. */
export function int8Precision(options: {
  readonly layers: number;
  readonly float32Parts?: readonly Float32Part[];
  readonly largestWeight?: number;
}): Precision {
  const { layers, largestWeight = 127 } = options;
  const keeps = new Set(options.float32Parts);
  const forward = (layer: string): boolean => {
    const block = /^blocks\.(\d+)\./.exec(layer)?.[1];
    if (block === undefined) return false; // patches and pooling: few products
    if (keeps.has("first-block") && block === "0") return false;
    return !(keeps.has("last-block") && block === `${layers - 1}`);
  };
  const backward = (layer: string): boolean => forward(layer) && !keeps.has("gradients");
  return { name: "int8", forward, backward, largestWeight };
}

/**
 * Tries one product of the largest numbers: x86 processors without VNNI add pairs of products in 16 bits, which
 * overflow with 8-bit weights, and don't with 7-bit ones.
 */
export async function largestInt8Weight(runtime: Runtime): Promise<127 | 63> {
  const [rows, inner, columns] = [4, 64, 16];
  const x = {
    values: input("values", "uint8", [rows, inner]),
    scale: input("scale", "float32", []),
    zero: input("zero", "uint8", []),
  };
  const weight = {
    values: input("weight", "int8", [inner, columns]),
    scale: input("weightScale", "float32", [columns]),
  };
  const session = await runtime.compile(graph({ y: quantizedMatmul(x, weight) }));
  const { y } = await session.run({
    values: tensor("uint8", [rows, inner], new Uint8Array(rows * inner).fill(255)),
    scale: tensor("float32", [], Float32Array.of(1)),
    zero: tensor("uint8", [], Uint8Array.of(0)),
    weight: tensor("int8", [inner, columns], new Int8Array(inner * columns).fill(127)),
    weightScale: tensor("float32", [columns], zeroTensor([columns]).data.fill(1)),
  });
  await session.dispose();
  const exact = inner * 255 * 127;
  return (y!.data as Float32Array).every((value) => value === exact) ? 127 : 63;
}
