/** @file A small hash: for seeds and for checksums, not against malice. */

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a of 32 bits over bytes or other small numbers; `hash` is that of what came before them. */
export function fnv1a(values: ArrayLike<number>, hash = OFFSET): number {
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, PRIME);
  return hash;
}
