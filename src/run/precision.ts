/** @file The precision that options ask for, on the runtime at hand. */
import type { Backbone } from "../nn/checkpoint.ts";
import {
  FLOAT32,
  type Float32Part,
  int8Precision,
  largestInt8Weight,
  type Precision,
} from "../nn/precision.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { InputError } from "../tensor/errors.ts";

/** Tries the runtime's 8-bit products where they are wanted. @throws InputError if parts are to stay in float32 where everything is */
export async function precisionOf(
  runtime: Runtime,
  { config: { layers } }: Backbone,
  { precision, float32Parts }: { precision: Precision["name"]; float32Parts: readonly Float32Part[] },
): Promise<Precision> {
  if (precision === "int8")
    return int8Precision({ layers, float32Parts, largestWeight: await largestInt8Weight(runtime) });
  if (float32Parts.length === 0) return FLOAT32;
  throw new InputError('`float32Parts` goes with `precision: "int8"`: without it everything is in float32');
}
