/** @file Is one method better than another over the same seeds, or is it a tie? */

import { InputError } from "../tensor/errors.ts";

/** Mean and spread of one number over seeds. */
export interface Spread {
  readonly count: number;
  readonly mean: number;
  /** Sample standard deviation (n - 1); null for one value. */
  readonly standardDeviation: number | null;
}

/** The outcome of a paired comparison; one pair has no spread and equal differences have none, so they decide nothing. */
export type Verdict = "higher" | "lower" | "tie" | "one seed" | "no spread";

/** Differences of shares that are nearer to each other differ by rounding alone. */
const NO_WIDTH = 1e-9;

/** Differences over pairs, such as seeds: value minus reference. */
export interface PairedDifference extends Spread {
  /** 95 % t interval of the mean difference; null for one pair. */
  readonly interval: readonly [low: number, high: number] | null;
  /** "tie" where the interval holds zero; "no spread" where it has no width, as of runs that no seed has an influence on. */
  readonly verdict: Verdict;
}

/** Mean and sample standard deviation of at least one value. */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) throw new InputError("spread: no values; a mean needs at least one");
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { count: 1, mean, standardDeviation: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count: values.length, mean, standardDeviation: Math.sqrt(squares / (values.length - 1)) };
}

/**
 * The mean of values[k] - reference[k] with its 95 % interval, mean +- t(0.975; n - 1) sd / sqrt(n).
 * Pairing takes out what a seed does to both methods alike, which is most of the spread between seeds.
 */
export function pairedDifference(values: readonly number[], reference: readonly number[]): PairedDifference {
  if (values.length !== reference.length)
    throw new InputError(
      `paired difference: ${values.length} values, but ${reference.length} reference values`,
    );
  const differences = spread(values.map((value, k) => value - reference[k]!));
  const { count, mean, standardDeviation } = differences;
  if (standardDeviation === null) return { ...differences, interval: null, verdict: "one seed" };
  const margin = (studentQuantile975(count - 1) * standardDeviation) / Math.sqrt(count);
  const interval = [mean - margin, mean + margin] as const;
  return { ...differences, interval, verdict: verdictOf(interval) };
}

function verdictOf([low, high]: readonly [number, number]): Verdict {
  if (high - low < NO_WIDTH) return "no spread";
  return low > 0 ? "higher" : high < 0 ? "lower" : "tie";
}

/** t(0.975; 1..10): NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, with more digits. */
const SMALL_QUANTILES = [
  12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041, 2.2621572,
  2.2281389,
];

/** z(0.975) of the standard normal distribution. */
export const NORMAL_QUANTILE = 1.959963985;

/**
 * Upper 2.5 % point of Student's t. Beyond 10 degrees of freedom, the expansion of Abramowitz and Stegun 26.7.5
 * around the normal quantile; its error there is below 1e-4.
 */
export function studentQuantile975(degreesOfFreedom: number): number {
  if (!Number.isInteger(degreesOfFreedom) || degreesOfFreedom < 1)
    throw new InputError(`Student t: ${degreesOfFreedom} degrees of freedom; expected a whole number from 1`);
  const tabulated = SMALL_QUANTILES[degreesOfFreedom - 1];
  if (tabulated !== undefined) return tabulated;
  const z = NORMAL_QUANTILE;
  const terms = [
    z,
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  // t = z + g1 / v + g2 / v^2 + g3 / v^3 + g4 / v^4
  return terms.reduce((sum, term, power) => sum + term / degreesOfFreedom ** power, 0);
}
