/** @file Graph inputs for frozen weights: made once per graph, by name. */
import { input, type Value } from "../graph/value.ts";

/** Prefix of frozen weights among a graph's inputs. */
const PREFIX = "backbone/";

/** Gives the weight of that name and shape as a graph input. */
export type Weights = (name: string, dims: readonly number[]) => Value;

/** A `Weights` for one graph: the same name gives the same input. */
export function weightInputs(): Weights {
  const known = new Map<string, Value>();
  return (name, dims) => {
    const value = known.get(name) ?? input(PREFIX + name, "float32", dims);
    known.set(name, value);
    return value;
  };
}

/** The same tensors under the names that graphs ask for. */
export function weightFeeds<T>(weights: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [PREFIX + name, tensor]));
}
