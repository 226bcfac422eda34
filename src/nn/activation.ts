/** @file Activation functions by the names that our configurations use. */

import type { Value } from "../graph/value.ts";
import { add, gelu, mul, scale, sigmoid, silu, tanh, unitAffine } from "../ops/index.ts";

/** Activations that checkpoints ask for. */
export type Activation = "gelu" | "quickGelu" | "geluTanh" | "silu";

/** Applies the activation of that name. */
export const activate = (name: Activation, x: Value): Value => ACTIVATIONS[name](x);

const ACTIVATIONS: Readonly<Record<Activation, (x: Value) => Value>> = {
  gelu,
  quickGelu: (x) => mul(x, sigmoid(scale(x, 1.702))), // x σ(1.702 x)
  geluTanh(x) {
    const cubed = mul(mul(x, x), x);
    const inner = scale(add(x, scale(cubed, 0.044715)), Math.sqrt(2 / Math.PI));
    return mul(x, unitAffine(tanh(inner), 0.5, 0.5)); // x (1 + tanh(√(2 / π) (x + 0.044715 x³))) / 2
  },
  silu,
};
