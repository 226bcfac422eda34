/** @file A model's state without one class. */
import { type Tensor, tensor } from "../tensor/tensor.ts";

/** What has a row for every class: class statistics, trained rows, what heads and methods keep of classes besides. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  "statistics.": ["classes", "counts", "means"],
  "head.": ["classes", "weight", "bias"],
  "gaussian.": ["classes", "directions"],
  "aligned.": ["classes", "directions"],
  "ranpac.": ["classes", "sums"],
  "prototypes.": ["classes", "own", "tasks", "counts", "means", "variances"],
};
const COUNTS = "statistics.counts";
const SCATTER = "statistics.scatter";

/** The state without the class's mean, count, directions and trained row. The covariance of all classes stays as it is. */
export function withoutClass(
  state: Readonly<Record<string, Tensor>>,
  position: number,
): Readonly<Record<string, Tensor>> {
  const result: Record<string, Tensor> = { ...state };
  for (const [prefix, names] of Object.entries(LISTS)) {
    const classes = state[`${prefix}classes`]?.data as Int32Array | undefined;
    const kept = [...(classes ?? []).entries()].flatMap(([row, each]) => (each === position ? [] : [row]));
    for (const name of names) {
      const list = state[prefix + name];
      if (list !== undefined) result[prefix + name] = rowsOf(list, kept);
    }
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

function rowsOf({ dtype, dims, data }: Tensor, rows: readonly number[]): Tensor {
  const rowBytes = data.byteLength / Math.max(dims[0]!, 1);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const kept = new Uint8Array(rows.length * rowBytes);
  for (const [i, row] of rows.entries())
    kept.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), i * rowBytes);
  const Typed = data.constructor as new (buffer: ArrayBuffer) => Tensor["data"];
  return { dtype, dims: [rows.length, ...dims.slice(1)], data: new Typed(kept.buffer) };
}
