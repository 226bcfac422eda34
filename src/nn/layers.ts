/** @file Layers of a ViT over tokens, by the names of their weights. */
import type { Value } from "../graph/value.ts";
import { layerNorm, mul, reshape, slice } from "../ops/index.ts";
import { activate } from "./activation.ts";
import type { VitConfig } from "./vit-config.ts";
import type { VitHooks } from "./vit-hooks.ts";
import type { Weights } from "./weights.ts";

/** The layer norm of that name over the last axis. */
export const norm = (
  { hiddenSize, layerNormEpsilon }: VitConfig,
  weights: Weights,
  name: string,
  x: Value,
): Value =>
  layerNorm(
    x,
    weights(`${name}.weight`, [hiddenSize]),
    weights(`${name}.bias`, [hiddenSize]),
    layerNormEpsilon,
  );

/** Linear layer of every token, with a method's change of it. [B, T, in] -> [B, T, out] */
export function layer(
  weights: Weights,
  hooks: Pick<VitHooks, "linear">,
  x: Value,
  name: string,
  out: number,
): Value {
  const [batch, count, width] = x.dims as [number, number, number];
  const rows = reshape(x, [batch * count, width]); // two axes: the gradient of a weight is then one product
  const y = weights.linear(rows, name, out);
  return reshape(hooks.linear?.(name, rows, y) ?? y, [batch, count, out]);
}

/** Two layers with an activation between them, of the block (or head) `at`. */
export function mlp(
  config: VitConfig,
  weights: Weights,
  hooks: Pick<VitHooks, "linear">,
  at: string,
  x: Value,
): Value {
  const { hiddenSize, mlpSize, gatedMlp, activation = "gelu" } = config;
  const first = layer(weights, hooks, x, `${at}.fc1`, gatedMlp ? 2 * mlpSize : mlpSize);
  const hidden = gatedMlp
    ? mul(activate(activation, slice(first, 2, 0, mlpSize)), slice(first, 2, mlpSize, 2 * mlpSize))
    : activate(activation, first);
  return layer(weights, hooks, hidden, `${at}.fc2`, hiddenSize);
}
