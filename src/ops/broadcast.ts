/** @file Shapes under NumPy's broadcasting rule. */

/** The broadcast shape of two shapes, or null if they don't fit. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | null {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    result.push(x === 1 ? y : x);
  }
  return result;
}

/** Axis counted from the start. @throws if it is out of range. */
export function positiveAxis(type: string, axis: number, rank: number): number {
  const result = axis < 0 ? axis + rank : axis;
  if (result < 0 || result >= rank)
    throw new Error(`${type}: axis ${axis} is outside a tensor of rank ${rank}`);
  return result;
}
