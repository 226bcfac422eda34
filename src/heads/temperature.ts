/** @file Draws from class Gaussians, and the temperature at which a classifier's scores are calibrated on them. */
import { meanDiagonal, product, ridgeFactor, transposed } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";

/** Draws the temperature is fitted on. */
const DRAWS = 512;
/** Temperatures are sought from one over this to this. */
const HIGHEST_TEMPERATURE = 20;
/** To a millionth. */
const HALVINGS = 23;
/** Logarithm of a likelihood that is nothing beside 1 in double precision. */
const NEGLIGIBLE = -37;

/** Draws of classes that take turns. */
export interface ClassDraws {
  readonly features: Float32Array; // [draws, d]
  /** Of every draw: the row of its class among the means. */
  readonly labels: readonly number[];
}

/** What a class adds to draws from the shared covariance S. */
export interface OwnSpread {
  /** Share of S in a class's covariance. */
  readonly shared: number;
  /** A deviation of the class's own. [d] */
  own(row: number, rng: Rng): Float64Array;
}

/**
 * Draws from N(mean_c, S), or from N(mean_c, shared S + the class's own).
 * @param means [classes, d]
 * @returns undefined where there is nothing to tell apart: fewer than two classes, or no spread
 */
export function classDraws(
  means: Float64Array,
  s: Float64Array,
  d: number,
  spread?: OwnSpread,
): ClassDraws | undefined {
  const classes = means.length / d;
  if (classes < 2 || meanDiagonal(s, d) === 0) return undefined;
  const rng = Rng.at("temperature");
  const lower = ridgeFactor(s, d, 1e-3); // fewer images than dimensions leave S singular
  const noise = Float64Array.from({ length: DRAWS * d }, () => rng.normal());
  const deviations = product(noise, d, transposed(lower, d, d), d);
  const apart = Math.max(classes / DRAWS, 1); // more classes than draws: as many of the last as of the first
  const labels = Array.from({ length: DRAWS }, (_, i) => Math.floor(i * apart) % classes);
  if (spread !== undefined) addOwn(deviations, labels, spread, rng);
  const features = Float32Array.from(
    deviations,
    (value, i) => value + means[labels[Math.floor(i / d)]! * d + (i % d)]!,
  );
  return { features, labels };
}

function addOwn(
  deviations: Float64Array,
  labels: readonly number[],
  { shared, own }: OwnSpread,
  rng: Rng,
): void {
  const d = deviations.length / labels.length;
  for (const [draw, label] of labels.entries()) {
    const more = own(label, rng);
    for (let i = 0; i < d; i++)
      deviations[draw * d + i] = Math.sqrt(shared) * deviations[draw * d + i]! + more[i]!;
  }
}

/**
 * The temperature with the least negative log-likelihood on draws; 1 where there are none.
 * @param scores of draws, [draws, classes] by row among the means
 */
export function fitTemperature(
  draws: ClassDraws | undefined,
  scores: (features: Float32Array) => Float32Array,
): number {
  if (draws === undefined) return 1;
  const { features, labels } = draws;
  const all = scores(features);
  const gaps = belowHighest(all, all.length / labels.length);
  // Convex in the inverse temperature: the slope has one root, which halving finds. Where classes are so far apart that
  // all is flat, the least sure of the best temperatures is as good as any.
  let [low, high] = [1 / HIGHEST_TEMPERATURE, HIGHEST_TEMPERATURE];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    if (slopeAt(middle, gaps, labels) >= 0) high = middle;
    else low = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Every score less the highest of its row. */
function belowHighest(scores: Float32Array, columns: number): Float64Array {
  const gaps = Float64Array.from(scores);
  for (let start = 0; start < gaps.length; start += columns) {
    const row = gaps.subarray(start, start + columns);
    const highest = row.reduce((a, b) => Math.max(a, b));
    for (let i = 0; i < columns; i++) row[i]! -= highest;
  }
  return gaps;
}

/** Derivative of the negative log-likelihood by the inverse temperature: the sum of E[gap] − gap of the label. */
function slopeAt(inverse: number, gaps: Float64Array, labels: readonly number[]): number {
  const classes = gaps.length / labels.length;
  let slope = 0;
  for (const [row, label] of labels.entries()) {
    let [total, weighted] = [0, 0];
    for (let i = row * classes; i < (row + 1) * classes; i++) {
      const gap = gaps[i]!;
      if (gap * inverse < NEGLIGIBLE) continue;
      const likelihood = Math.exp(gap * inverse);
      total += likelihood;
      weighted += likelihood * gap;
    }
    slope += weighted / total - gaps[row * classes + label]!;
  }
  return slope;
}
