/** @file Arrays of numbers, joined. */

/** All parts, one after the other, as an array of their kind. */
export function concatenate<Kind extends Float32Array | Float64Array | Uint8Array>(
  kind: new (length: number) => Kind,
  parts: readonly Kind[],
): Kind {
  const result = new kind(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
