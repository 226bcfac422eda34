/** @file A model's state without one class. */
import { BYTES_PER_ELEMENT, type Tensor, tensor } from "../tensor/tensor.ts";

/** What has a row for every class: lists of class statistics and of trained rows. Other memories of heads stay. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  "statistics.": ["classes", "counts", "means"],
  "head.": ["classes", "weight", "bias"],
};
const COUNTS = "statistics.counts";
const SCATTER = "statistics.scatter";

/** The state without the class's mean, count and trained row. The covariance of all classes stays as it is. */
export function withoutClass(
  state: Readonly<Record<string, Tensor>>,
  position: number,
): Readonly<Record<string, Tensor>> {
  const result: Record<string, Tensor> = { ...state };
  for (const [prefix, names] of Object.entries(LISTS)) {
    const row = (state[`${prefix}classes`]?.data as Int32Array | undefined)?.indexOf(position) ?? -1;
    if (row < 0) continue;
    for (const name of names) result[prefix + name] = withoutRow(state[prefix + name]!, row);
  }
  const scatter = state[SCATTER];
  if (scatter === undefined) return result;
  // Covariance is scatter / (images − classes): with fewer images the same scatter would be a larger one.
  const before = freedom(state[COUNTS]!);
  const factor = before === 0 ? 0 : freedom(result[COUNTS]!) / before;
  const scaled = (scatter.data as Float32Array).map((value) => value * factor);
  return { ...result, [SCATTER]: tensor("float32", scatter.dims, scaled) };
}

/** Images less classes. */
const freedom = ({ data }: Tensor): number =>
  (data as Int32Array).reduce((sum, count) => sum + count, 0) - data.length;

function withoutRow({ dtype, dims, data }: Tensor, row: number): Tensor {
  const rowBytes = (data.length / dims[0]!) * BYTES_PER_ELEMENT[dtype];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const kept = new Uint8Array(data.byteLength - rowBytes);
  kept.set(bytes.subarray(0, row * rowBytes));
  kept.set(bytes.subarray((row + 1) * rowBytes), row * rowBytes);
  const Typed = data.constructor as new (buffer: ArrayBuffer) => Tensor["data"];
  return { dtype, dims: [dims[0]! - 1, ...dims.slice(1)], data: new Typed(kept.buffer) };
}
