/** @file Numbers that are none: found when a file is read, or they would show up as something else's fault. */
import { InputError } from "./errors.ts";
import type { Tensor } from "./tensor.ts";

/** @throws InputError naming file and tensor, at the first NaN or infinity */
export function checkFinite(file: string, name: string, { dtype, data }: Tensor): void {
  if (dtype !== "float32" && dtype !== "float64") return;
  const numbers = data as Float32Array | Float64Array;
  // 0 x is 0 for every number, and NaN for all else: one look at a sum is a tenth of a look at each.
  let zeros = 0;
  for (let i = 0; i < numbers.length; i++) zeros += 0 * numbers[i]!;
  if (zeros === 0) return;
  const at = numbers.findIndex((value) => !Number.isFinite(value));
  throw new InputError(
    `${file}: tensor ${name} has ${numbers[at]} as its number ${at} of ${numbers.length}; expected finite numbers: get the file again, or train it again with a lower rate`,
  );
}
