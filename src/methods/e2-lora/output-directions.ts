/** @file Directions of a layer's output in which a task has moved it, and how many of each task's are kept for the next. */
import { product, symmetricEigen, transposed } from "../../tensor/linear-algebra.ts";

/** Squared singular values below this share of the largest are rounding. */
const NEGLIGIBLE = 1e-10;
/** Where the threshold starts, and what it falls by. */
const STEP = 1e-5;

/** What one task has changed: Σ_i u_i a_iᵀ, the direction with the most energy first. */
export interface TaskDirections {
  /** Energies of all directions, also of those that have been given up since. */
  readonly total: number;
  readonly energies: readonly number[];
  /** u_i, unit rows. [rank, out] */
  readonly directions: Float64Array;
  /** a_i. [rank, in] */
  readonly inputs: Float64Array;
}

/**
 * The principal directions U of y = change x for inputs of this covariance, all that the change reaches, and Uᵀ change.
 * change: [out, in], covariance: [in, in]
 */
export function outputDirections(
  change: Float64Array,
  covariance: Float64Array,
  width: number,
): TaskDirections {
  const out = change.length / width;
  const flipped = transposed(change, out, width);
  // An orthonormal basis Q of what the change reaches: its left singular vectors.
  const own = symmetricEigen(product(flipped, out, change, width), width);
  const sizes = own.values.filter((value) => value > NEGLIGIBLE * own.values[0]!);
  const rank = sizes.length;
  const lifted = transposed(product(change, width, own.vectors.to1DArray(), width), out, width); // [in, out]
  const basis = Float64Array.from(
    lifted.subarray(0, rank * out), // Qᵀ [rank, out]
    (value, i) => value / Math.sqrt(sizes[Math.floor(i / out)]!),
  );
  const within = product(basis, out, change, width); // [rank, in]
  const outputs = product(
    product(within, width, covariance, width),
    width,
    transposed(within, rank, width),
    rank,
  );
  const { values, vectors } = symmetricEigen(outputs, rank);
  const directions = product(transposed(vectors.to1DArray(), rank, rank), rank, basis, out);
  const energies = values.map((value) => Math.max(value, 0));
  return {
    total: energies.reduce((sum, value) => sum + value, 0),
    energies,
    directions,
    inputs: product(directions, out, change, width),
  };
}

/** The first `rank` directions alone. */
export function truncated(
  { total, energies, directions, inputs }: TaskDirections,
  rank: number,
): TaskDirections {
  const part = (rows: Float64Array): Float64Array =>
    rows.slice(0, (rows.length / Math.max(energies.length, 1)) * rank);
  return { total, energies: energies.slice(0, rank), directions: part(directions), inputs: part(inputs) };
}

/**
 * How many directions of each task are kept: the fewest that hold more than τ of its energy, at least one, with the largest
 * τ of 0.99999, 0.99998, ... at which all together are `room` or fewer.
 */
export function keptRanks(tasks: readonly TaskDirections[], room: number): number[] {
  for (let step = 1; ; step++) {
    const threshold = 1 - step * STEP;
    const ranks = tasks.map(({ total, energies }) => {
      let [count, sum] = [0, 0];
      for (const energy of energies) {
        sum += energy;
        if (sum > threshold * total) break;
        count++;
      }
      return Math.min(Math.max(count + 1, 1), energies.length);
    });
    if (threshold <= 0 || ranks.reduce((sum, rank) => sum + rank, 0) <= room) return ranks;
  }
}
