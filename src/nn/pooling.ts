/** @file From the last tokens to features. */
import type { Value } from "../graph/value.ts";
import { add, expand, reshape } from "../ops/index.ts";
import { attention } from "./attention.ts";
import { layer, mlp, norm } from "./layers.ts";
import { clsOf, type Tokens } from "./tokens.ts";
import type { VitConfig } from "./vit-config.ts";
import type { VitHooks } from "./vit-hooks.ts";
import type { Weights } from "./weights.ts";

/**
 * Features of tokens after any block: the final norm, then CLS, or the learned query's where there is no CLS, or what
 * the method makes of them. [B, d], or as wide as the method's
 */
export function pool(
  config: VitConfig,
  weights: Weights,
  tokens: Tokens,
  hooks: Pick<VitHooks, "pool"> = {},
): Value {
  const final = (x: Value): Value => norm(config, weights, "norm", x);
  if (hooks.pool !== undefined) return hooks.pool({ ...tokens, values: final(tokens.values) }, final);
  if (config.pooling === "attention") return attentionPool(config, weights, final(tokens.values));
  return final(clsOf(tokens)); // a norm of CLS alone
}

/** A learned query attends to all tokens, an MLP follows. Methods don't adapt it. [B, T, d] -> [B, d] */
function attentionPool(config: VitConfig, weights: Weights, tokens: Value): Value {
  const { hiddenSize, heads } = config;
  const batch = tokens.dims[0]!;
  const project = (x: Value, name: string): Value => layer(weights, {}, x, `pool.${name}`, hiddenSize);
  const probe = expand(weights("pool.probe", [1, 1, hiddenSize]), [batch, 1, hiddenSize]);
  const mixed = attention(project(probe, "query"), project(tokens, "key"), project(tokens, "value"), heads);
  const attended = project(mixed, "output"); // [B, 1, d]
  const change = mlp(config, weights, {}, "pool", norm(config, weights, "pool.norm", attended));
  return reshape(add(attended, change), [batch, hiddenSize]);
}
