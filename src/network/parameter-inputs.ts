/** @file Graph inputs for what is trained. */
import { input, type Value } from "../graph/value.ts";

/** Trained tensors as one graph sees them: the same name gives the same input. */
export interface ParameterInputs {
  (name: string, dims: readonly number[]): Value;
  readonly known: ReadonlyMap<string, Value>;
  /** Images of a run of the graph. */
  readonly images: number;
}

/** A `ParameterInputs` for one graph. */
export function parameterInputs(images: number): ParameterInputs {
  const known = new Map<string, Value>();
  const parameters = (name: string, dims: readonly number[]): Value => {
    const value = known.get(name) ?? input(name, "float32", dims);
    known.set(name, value);
    return value;
  };
  return Object.assign(parameters, { known, images });
}
