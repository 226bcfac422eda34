/** @file Dense tensors: a shape and a typed array, row-major, nothing more. */

/** Typed array that holds each element type. */
export interface TypedArrays {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  int8: Int8Array;
}

/** Element type of a tensor. */
export type DType = keyof TypedArrays;

/** A dense row-major tensor. `data.length` is the product of `dims`. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: TypedArrays[D];
}

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Bytes of all these tensors' numbers. */
export const bytesOf = (tensors: Readonly<Record<string, Tensor>>): number =>
  Object.values(tensors).reduce((sum, { data }) => sum + data.byteLength, 0);

/** Bytes of one element. */
export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  uint8: 1,
  int8: 1,
};

/**
 * Makes a tensor over `data` without copying it.
 * @throws if `data.length` is not the product of `dims`.
 */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: TypedArrays[D]): Tensor<D> {
  if (data.length !== sizeOf(dims)) {
    throw new Error(`tensor: dims [${dims}] hold ${sizeOf(dims)} elements, the data has ${data.length}`);
  }
  return { dtype, dims, data };
}

/** A float32 tensor of zeros. */
export function zeroTensor(dims: readonly number[]): Tensor<"float32"> {
  return { dtype: "float32", dims, data: new Float32Array(sizeOf(dims)) };
}

/** A float32 tensor of one value. */
export function filledTensor(dims: readonly number[], value: number): Tensor<"float32"> {
  return { dtype: "float32", dims, data: new Float32Array(sizeOf(dims)).fill(value) };
}

/** The tensor's float32 elements. @throws if it holds another type. */
export function float32Data(value: Tensor): Float32Array {
  if (value.dtype !== "float32")
    throw new Error(`expected a float32 tensor, got ${value.dtype} [${value.dims}]`);
  return value.data as Float32Array;
}
