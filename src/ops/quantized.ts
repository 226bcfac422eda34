/** @file Products in 8 bits with frozen weights: integers inside, float32 outside. */
import { emit, emitAll, type Op, shapeError } from "../graph/op.ts";
import { constant, type Signature, type Value } from "../graph/value.ts";
import { tensor } from "../tensor/tensor.ts";

/** x ≈ scale (values − zero), with one scale for all of x. */
export interface QuantizedValue {
  readonly values: Value; // uint8
  readonly scale: Value; // []
  readonly zero: Value; // uint8 []
}

/** Rounds x to 256 steps between its smallest and its largest value; 0 stays 0. */
export function dynamicQuantize(x: Value): QuantizedValue {
  const [values, scale, zero] = emitAll(dynamicQuantizeOp, { x }, {}) as [Value, Value, Value];
  return { values, scale, zero };
}
export const dynamicQuantizeOp: Op<"x", object> = {
  type: "DynamicQuantizeLinear",
  infer: ({ x }) => [
    { dtype: "uint8", dims: x.dims },
    { dtype: "float32", dims: [] },
    { dtype: "uint8", dims: [] },
  ],
  // Straight through: the gradient with respect to the integers is taken as that of what they stand for.
  vjp: { x: (dy) => dy },
};

/** A matrix in 8 bits, rounded symmetrically around 0: values[i, j] scale[j]. */
export interface QuantizedMatrix {
  readonly values: Value; // int8 [k, n]
  readonly scale: Value; // [n]
}

/** x W, in integers. It has no gradient: it is one. x: [m, k], W: [k, n] */
export const quantizedMatmul = (x: QuantizedValue, weight: QuantizedMatrix): Value =>
  emit(quantizedMatmulOp, factors(x, weight), {});
export const quantizedMatmulOp: Op<Factor, object> = {
  type: "MatMulIntegerToFloat",
  domain: "com.microsoft",
  infer: (inputs) => [productSignature(inputs)],
  vjp: { a: "none", b: "none", aScale: "none", bScale: "none", aZero: "none", bZero: "none" },
};

/**
 * x W + bias, in integers.
 * @param gradient dy Wᵀ. Its weights are rounded by themselves: the scales belong to W's rows there
 */
export const quantizedLinear = (
  x: QuantizedValue, // [m, k]
  weight: QuantizedMatrix, // [k, n]
  bias: Value, // [n]
  gradient: (dy: Value) => Value,
): Value => emit(quantizedLinearOp, { ...factors(x, weight), bias }, { gradient });
export const quantizedLinearOp: Op<Factor | "bias", { readonly gradient: (dy: Value) => Value }> = {
  type: "MatMulIntegerToFloat",
  domain: "com.microsoft",
  infer(inputs) {
    const product = productSignature(inputs);
    if (inputs.bias.dims.join() !== `${product.dims[1]}`)
      throw shapeError("quantizedLinear", inputs, `bias must be [${product.dims[1]}]`);
    return [product];
  },
  vjp: {
    a: (dy, { attributes }) => attributes.gradient(dy),
    b: "none",
    aScale: "constant",
    bScale: "none",
    aZero: "constant",
    bZero: "none",
    bias: (dy) => dy,
  },
};

type Factor = "a" | "b" | "aScale" | "bScale" | "aZero" | "bZero";

const SYMMETRIC = constant(tensor("int8", [], Int8Array.of(0)));

const factors = (x: QuantizedValue, weight: QuantizedMatrix): Record<Factor, Value> => ({
  a: x.values,
  b: weight.values,
  aScale: x.scale,
  bScale: weight.scale,
  aZero: x.zero,
  bZero: SYMMETRIC,
});

function productSignature(inputs: Readonly<Record<Factor, Value>>): Signature {
  const { a, b, bScale } = inputs;
  const [rows, inner] = a.dims;
  const [innerB, columns] = b.dims;
  if (a.dims.length !== 2 || b.dims.length !== 2 || inner !== innerB)
    throw shapeError("quantizedMatmul", inputs, "expected [m, k] and [k, n]");
  if (a.dtype !== "uint8" || b.dtype !== "int8")
    throw shapeError("quantizedMatmul", inputs, "expected uint8 and int8");
  if (bScale.dims.join() !== `${columns}`)
    throw shapeError("quantizedMatmul", inputs, `bScale must be [${columns}]`);
  return { dtype: "float32", dims: [rows!, columns!] };
}
