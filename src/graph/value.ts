/** @file Graph values: what flows along the edges. Shapes are static, so every mistake shows while building. */
import type { DType, Tensor } from "../tensor/tensor.ts";
import type { Node } from "./op.ts";

/** Element type and shape of a value. */
export interface Signature {
  readonly dtype: DType;
  readonly dims: readonly number[];
}

/** A tensor that the graph will compute, be fed, or hold as a constant. */
export interface Value extends Signature {
  readonly source:
    | { readonly kind: "input"; readonly name: string }
    | { readonly kind: "constant"; readonly tensor: Tensor }
    | { readonly kind: "node"; readonly node: Node; readonly output: number };
}

/** A value that is given at every run: images, trained parameters, and frozen weights alike. */
export function input(name: string, dtype: DType, dims: readonly number[]): Value {
  return { dtype, dims, source: { kind: "input", name } };
}

/** A value stored in the graph itself. For small things: frozen weights are inputs, held once for all graphs. */
export function constant(tensor: Tensor): Value {
  return { dtype: tensor.dtype, dims: tensor.dims, source: { kind: "constant", tensor } };
}

/** A constant number of the given floating type, of shape []. */
export function scalar(value: number, dtype: DType): Value {
  if (dtype !== "float32" && dtype !== "float64") throw new Error(`scalar: ${dtype} is not a floating type`);
  return constant({
    dtype,
    dims: [],
    data: dtype === "float32" ? Float32Array.of(value) : Float64Array.of(value),
  });
}

/** "f32[2,3]", for messages and text. */
export function describe({ dtype, dims }: Signature): string {
  return `${dtype.replace("float", "f").replace("uint", "u").replace("int", "i")}[${dims.join(",")}]`;
}
