/** @file The blocks of a ViT: attention, then an MLP, each added to the tokens that it reads. */
import type { Value } from "../graph/value.ts";
import { add, concat, expand, mul, slice } from "../ops/index.ts";
import { attention } from "./attention.ts";
import { layer, mlp, norm } from "./layers.ts";
import type { Tokens } from "./tokens.ts";
import type { VitConfig } from "./vit-config.ts";
import type { Half, VitHooks } from "./vit-hooks.ts";
import type { Weights } from "./weights.ts";

/**
 * The tokens after a block, prompts that join before it included.
 * @param clsOnly its query, projection and MLP are computed for CLS alone, which is then the only token
 */
export function runBlock(
  config: VitConfig,
  weights: Weights,
  hooks: VitHooks,
  block: number,
  tokens: Tokens,
  clsOnly = false,
): Tokens {
  const joined = withPrompts(tokens, hooks.prompts?.(block));
  const attended = attentionHalf(config, weights, hooks, block, joined.values, clsOnly);
  const values = mlpHalf(config, weights, hooks, block, attended);
  const after = clsOnly ? { values, before: 1, patches: 0, prompts: 0 } : { ...joined, values };
  hooks.observe?.(block, after);
  return after;
}

/** With other prompts than those so far; undefined leaves them. prompts: [P, d] or [B, P, d] */
function withPrompts(tokens: Tokens, prompts: Value | undefined): Tokens {
  if (prompts === undefined) return tokens;
  const { values } = tokens;
  const [batch, count] = values.dims as [number, number];
  const kept = tokens.prompts === 0 ? values : slice(values, 1, 0, count - tokens.prompts);
  const joining = perImage(prompts, batch);
  return { ...tokens, values: concat([kept, joining], 1), prompts: joining.dims[1]! };
}

/** Rows for every image: shared ones are repeated. [n, d] or [B, n, d] -> [B, n, d] */
function perImage(rows: Value, batch: number): Value {
  const [count, width] = rows.dims.slice(-2) as [number, number];
  return rows.dims.length === 3 && rows.dims[0] === batch ? rows : expand(rows, [batch, count, width]);
}

/** The tokens after a block's attention; `clsOnly` returns [B, 1, d]. */
export function attentionHalf(
  config: VitConfig,
  weights: Weights,
  hooks: VitHooks,
  block: number,
  tokens: Value, // [B, T, d]
  clsOnly = false,
): Value {
  const { hiddenSize, heads } = config;
  const at = `blocks.${block}`;
  const project = (x: Value, name: string): Value => layer(weights, hooks, x, `${at}.${name}`, hiddenSize);
  const asking = (x: Value): Value => (clsOnly ? slice(x, 1, 0, 1) : x);
  const normed = norm(config, weights, `${at}.norm1`, tokens);
  const query = project(asking(normed), "query");
  const [key, value] = [project(normed, "key"), project(normed, "value")];
  const prefix = hooks.prefix?.(block);
  const before = (rows: Value | undefined, x: Value): Value =>
    rows === undefined ? x : concat([perImage(rows, x.dims[0]!), x], 1);
  const mixed = attention(query, before(prefix?.key, key), before(prefix?.value, value), heads);
  const output = scaled(config, weights, project(mixed, "output"), `${at}.scale1`);
  return withBranch(hooks, "attention", block, asking(tokens), output);
}

/** The tokens after a block's MLP. [B, T, d] -> [B, T, d] */
export function mlpHalf(
  config: VitConfig,
  weights: Weights,
  hooks: VitHooks,
  block: number,
  tokens: Value,
): Value {
  const at = `blocks.${block}`;
  const change = mlp(config, weights, hooks, at, norm(config, weights, `${at}.norm2`, tokens));
  return withBranch(hooks, "mlp", block, tokens, scaled(config, weights, change, `${at}.scale2`));
}

/** Tokens, what a half makes of them, and what a method has beside that half. All [B, T, d]. */
function withBranch(hooks: VitHooks, half: Half, block: number, tokens: Value, change: Value): Value {
  const sum = add(tokens, change);
  const branch = hooks.beside?.(half, block, tokens);
  return branch === undefined ? sum : add(sum, branch);
}

/** A branch, with its layer scale where there is one. */
const scaled = (config: VitConfig, weights: Weights, x: Value, name: string): Value =>
  config.layerScale ? mul(x, weights(name, [config.hiddenSize])) : x;
