/** @file Draws from class Gaussians, and the temperature at which a classifier's scores are calibrated on them. */
import { meanDiagonal, product, ridgeFactor, transposed } from "../tensor/linear-algebra.ts";
import { Rng } from "../tensor/rng.ts";

/** Draws the temperature is fitted on. */
const DRAWS = 512;
/** Temperatures are sought from one over this to this. */
const HIGHEST_TEMPERATURE = 20;
/** To a millionth. */
const HALVINGS = 23;
/** Halvings before the root is looked for in another way, at most so many times, until it is known to a millionth. */
const ROUGH = 2;
const CLOSER = 10;
const CLOSE = 1 + 1e-6;
/** Logarithm of a likelihood that is nothing beside 1 in double precision. */
const NEGLIGIBLE = -37;

/** Columns of scores. */
type Labels = readonly number[] | Int32Array;

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
  const noise = new Float64Array(DRAWS * d);
  for (let i = 0; i < noise.length; i++) noise[i] = rng.normal();
  const deviations = product(noise, d, transposed(lower, d, d), d);
  const apart = Math.max(classes / DRAWS, 1); // more classes than draws: as many of the last as of the first
  const labels = Array.from({ length: DRAWS }, (_, i) => Math.floor(i * apart) % classes);
  if (spread !== undefined) addOwn(deviations, labels, spread, rng);
  const features = new Float32Array(DRAWS * d);
  for (const [draw, label] of labels.entries())
    for (let i = 0; i < d; i++) features[draw * d + i] = deviations[draw * d + i]! + means[label * d + i]!;
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
  return bestTemperature(scores(features), labels, [1 / HIGHEST_TEMPERATURE, HIGHEST_TEMPERATURE]);
}

/**
 * The temperature between two at which scores have the least negative log-likelihood of their labels.
 * @param scores −∞ for classes that can't be. [labels, columns]
 */
export function bestTemperature(
  scores: Float32Array,
  labels: Labels,
  [lowest, highest]: readonly [lowest: number, highest: number],
): number {
  const slope = new Slope(belowHighest(scores, scores.length / labels.length), labels);
  // Convex in the inverse temperature: the slope has one root, which halving finds. Where classes are so far apart that
  // all is flat, the least sure of the best temperatures is as good as any.
  let [low, high] = [1 / highest, 1 / lowest];
  for (let i = 0; i < HALVINGS; i++) {
    const middle = Math.sqrt(low * high);
    if (i === ROUGH) slope.closeIn(low, high);
    if (slope.risesAt(middle)) high = middle;
    else low = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** Where the slope rises, from as few sums over all draws and classes as tell: it only ever grows. */
class Slope {
  readonly #gaps: Float64Array;
  readonly #labels: Labels;
  /** It falls up to here. */
  #falls = 0;
  /** It does not from here on. */
  #rises = Number.POSITIVE_INFINITY;

  constructor(gaps: Float64Array, labels: Labels) {
    this.#gaps = gaps;
    this.#labels = labels;
  }

  /** Whether the slope at an inverse temperature is not below zero. */
  risesAt(inverse: number): boolean {
    if (inverse <= this.#falls) return false;
    if (inverse >= this.#rises) return true;
    return this.#at(inverse) >= 0;
  }

  /** Looks near the root, so that hardly any later question needs a sum: the root lies between `low` and `high`. */
  closeIn(low: number, high: number): void {
    let [left, right] = [
      { inverse: low, slope: this.#at(low) },
      { inverse: high, slope: this.#at(high) },
    ];
    if (!(left.slope < 0 && right.slope > 0)) return;
    // False position, with the value halved of an end that stays (Illinois).
    let stayed = 0;
    for (let i = 0; i < CLOSER && this.#rises / this.#falls > CLOSE; i++) {
      const share = left.slope / (left.slope - right.slope);
      const inverse = left.inverse * (right.inverse / left.inverse) ** share;
      const slope = this.#at(inverse);
      if (slope === 0 || inverse <= left.inverse || inverse >= right.inverse) return;
      if (slope > 0) {
        right = { inverse, slope };
        if (stayed === -1) left = { ...left, slope: left.slope / 2 };
        stayed = -1;
      } else {
        left = { inverse, slope };
        if (stayed === 1) right = { ...right, slope: right.slope / 2 };
        stayed = 1;
      }
    }
  }

  #at(inverse: number): number {
    const slope = slopeAt(inverse, this.#gaps, this.#labels);
    if (slope >= 0) this.#rises = Math.min(this.#rises, inverse);
    else this.#falls = Math.max(this.#falls, inverse);
    return slope;
  }
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
function slopeAt(inverse: number, gaps: Float64Array, labels: Labels): number {
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
