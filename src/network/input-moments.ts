/** @file Watches what linear layers read, without changing anything: Σ x xᵀ over all tokens. */
import type { Adaptation } from "./adaptation.ts";

/** `AdaptedNetwork.observe` then has the moments of the inputs of these layers, [in, in] each. */
export const inputMoments = (sites: readonly string[]): Adaptation => ({
  name: `inputs of ${sites.join()}`,
  hooks: (_, watch) => ({
    linear(site, x, y) {
      if (sites.includes(site)) watch?.(site, x);
      return y;
    },
  }),
  merging: { names: [], weights: () => ({}) }, // nothing stays
});
