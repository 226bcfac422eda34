/** @file Multi-head attention over tokens. */
import type { Value } from "../graph/value.ts";
import { matmul, reshape, softmax, transpose } from "../ops/index.ts";

/** softmax(q kᵀ / √(width of a head)) v, per head. query: [B, Q, d]; key, value: [B, T, d]; result: [B, Q, d]. */
export function attention(query: Value, key: Value, value: Value, heads: number): Value {
  const [batch, queries, width] = query.dims as [number, number, number];
  const split = (x: Value): Value =>
    transpose(reshape(x, [batch, x.dims[1]!, heads, width / heads]), [0, 2, 1, 3]); // [B, heads, T, d / heads]
  const alpha = 1 / Math.sqrt(width / heads);
  const scores = matmul(split(query), split(key), { transposeB: true, alpha }); // [B, heads, Q, T]
  const mixed = matmul(softmax(scores), split(value)); // [B, heads, Q, d / heads]
  return reshape(transpose(mixed, [0, 2, 1, 3]), [batch, queries, width]);
}
