/** @file Changes of weights that keep away from directions of the output: W = V + (I − K Kᵀ) C, K orthonormal columns. */
import type { Value } from "../graph/value.ts";
import type { Backbone } from "../nn/checkpoint.ts";
import { withOwnWeights } from "../nn/weights.ts";
import { add, matmul, slice, sub } from "../ops/index.ts";
import type { Adaptation } from "./adaptation.ts";
import { ownName, ownWeights } from "./own-weights.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** Layers that read the same inputs and are changed as one, their outputs side by side. */
export interface LayerGroup {
  readonly name: string;
  readonly sites: readonly string[];
}

/** Rows of all outputs of a group, and what they read. */
export const groupShape = ({ weights }: Backbone, { sites }: LayerGroup): readonly [number, number] => {
  const shapes = sites.map((site) => weights[`${site}.weight`]!.dims);
  return [shapes.reduce((sum, [out]) => sum + out!, 0), shapes[0]![1]!];
};

/**
 * Values `own/NAME` of the weights V, `${group}.change` [out, in] (C) and, where a group is kept away from k > 0 directions,
 * `${group}.kept` [out, k] (K). Merging knows V alone: what has been learned is added to it.
 */
export function projectedChanges(
  backbone: Backbone,
  groups: readonly LayerGroup[],
  kept: (group: LayerGroup) => number,
): Adaptation {
  const names = groups.flatMap(({ sites }) => sites.map((site) => `${site}.weight`));
  const { merging } = ownWeights(backbone, names);
  const places = new Map<string, { readonly group: LayerGroup; readonly from: number }>();
  for (const group of groups) {
    let from = 0;
    for (const site of group.sites) {
      places.set(`${site}.weight`, { group, from });
      from += backbone.weights[`${site}.weight`]!.dims[0]!;
    }
  }
  const changeOf = (values: ParameterInputs, group: LayerGroup): Value => {
    const [out, width] = groupShape(backbone, group);
    const change = values(`${group.name}.change`, [out, width]);
    const count = kept(group);
    if (count === 0) return change;
    const directions = values(`${group.name}.kept`, [out, count]);
    return sub(change, matmul(directions, matmul(directions, change, { transposeA: true })));
  };
  return {
    name: `changes of ${groups.map((group) => `${group.name} but for ${kept(group)}`).join()}`,
    hooks: () => ({}),
    weights(frozen, values) {
      const known = new Map<string, Value>();
      return withOwnWeights(frozen, (name, dims) => {
        const place = places.get(name);
        if (place === undefined) return undefined;
        const own = known.get(name);
        if (own !== undefined) return own;
        const { group, from } = place;
        const change = known.get(group.name) ?? changeOf(values, group);
        known.set(group.name, change);
        const changed = add(values(ownName(name), dims), slice(change, 0, from, from + dims[0]!));
        known.set(name, changed);
        return changed;
      });
    },
    merging: merging!,
  };
}
