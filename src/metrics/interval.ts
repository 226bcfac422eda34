/** @file How far a share of few images can be trusted. */
import { NORMAL_QUANTILE } from "./paired.ts";

/**
 * 95 % interval of a share, by Wilson's score: it has a width for 0 and 1, too, and stays between them.
 * (p + z²/2n ± z √(p (1 - p)/n + z²/4n²)) / (1 + z²/n)
 */
export function shareInterval(share: number, images: number): readonly [low: number, high: number] {
  if (images === 0) return [0, 1];
  const z2 = NORMAL_QUANTILE ** 2 / images;
  const middle = share + z2 / 2;
  const margin = Math.sqrt(z2 * (share * (1 - share) + z2 / 4));
  return [Math.max(0, (middle - margin) / (1 + z2)), Math.min(1, (middle + margin) / (1 + z2))];
}
