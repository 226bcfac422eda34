/** @file Weights of one's own in place of frozen ones: what methods that train the network itself add. */
import type { Backbone } from "../nn/checkpoint.ts";
import { withOwnWeights } from "../nn/weights.ts";
import { InputError } from "../tensor/errors.ts";
import { float32Data, type Tensor, tensor } from "../tensor/tensor.ts";
import type { Adaptation } from "./adaptation.ts";

/** Values that equal the frozen weights: where their training starts. */
export const frozenValues = ({ weights }: Backbone, names: readonly string[]): Record<string, Tensor> =>
  Object.fromEntries(names.map((name) => [PREFIX + name, weights[name]!]));

/** Prefix of their values among a graph's inputs: the frozen ones keep their names. */
const PREFIX = "own/";

/** Name of the value that a weight has. */
export const ownName = (weight: string): string => PREFIX + weight;

/**
 * The weights of these names ("blocks.0.fc1.weight", "norm.bias") as trained values `own/NAME`, of their shapes. Layers
 * with a matrix of their own are trained in float32, whatever the precision.
 * @throws InputError if the backbone has no weight of a name
 */
export function ownWeights({ weights }: Backbone, names: readonly string[]): Adaptation {
  for (const name of names) {
    if (!Object.hasOwn(weights, name)) throw new InputError(`the backbone has no weight "${name}"`);
  }
  const own = new Set(names);
  return {
    name: `own ${names.join()}`,
    hooks: () => ({}),
    weights: (frozen, values) =>
      withOwnWeights(frozen, (name, dims) => (own.has(name) ? values(PREFIX + name, dims) : undefined)),
    merging: {
      names,
      weights: (_, values) =>
        Object.fromEntries(
          names.map((name) => {
            const { dims, data } = weights[name]!;
            const trained = values[PREFIX + name];
            return [name, tensor("float32", dims, trained === undefined ? data : float32Data(trained))];
          }),
        ),
    },
  };
}
