/** @file Gradient clipping. */

/**
 * Scales all gradients together, in place, so that their common Euclidean norm is `limit` at most.
 * @returns the norm before
 */
export function clipByGlobalNorm(gradients: readonly Float32Array[], limit: number): number {
  let sum = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) sum += gradient[i]! * gradient[i]!;
  }
  const norm = Math.sqrt(sum);
  if (norm > limit) {
    const factor = limit / norm;
    for (const gradient of gradients) for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor;
  }
  return norm;
}
