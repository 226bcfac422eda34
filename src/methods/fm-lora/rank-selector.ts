/**
 * @file Dynamic rank selector: how much of the subspace a task may use at a site. The paper's abstract names
 * it and the Gumbel-Softmax; the complexity score and the prior are our reconstruction.
 */
import { Matrix, SVD } from "ml-matrix";
import type { Rng } from "../../tensor/rng.ts";
import { effectiveRank } from "./subspace.ts";

/** Ranks the selector chooses from, those that fit a subspace of rank `limit`. */
export function rankChoices(limit: number): number[] {
  return [...new Set([0, 2, 4, 8, 16, 32, 64].filter((rank) => rank < limit)), limit];
}

/**
 * Complexity of a task at a site, H = erank(G) (1 − |cos(G, C)|): how many directions its gradient has, less
 * what the core already does. 0 for a zero gradient.
 */
export function complexity(gradient: Matrix, core: Matrix): number {
  const norms = gradient.norm("frobenius") * core.norm("frobenius");
  const cosine = norms === 0 ? 0 : Math.abs(Matrix.mul(gradient, core).sum()) / norms;
  const singular =
    gradient.norm("frobenius") === 0 ? [] : new SVD(gradient, { autoTranspose: true }).diagonal;
  return effectiveRank(singular) * (1 - cosine);
}

/** Prior logits −(log₂(r_k + 1) − log₂(r* + 1))² / (2 · 0.7²) around a target rank r*. */
export function priorLogits(choices: readonly number[], target: number): Float32Array {
  return Float32Array.from(
    choices,
    (rank) => -((Math.log2(rank + 1) - Math.log2(target + 1)) ** 2) / (2 * 0.7 ** 2),
  );
}

/** One draw of the gate. */
export interface GateDraw {
  /** Hard nested gate: 1 for the leading rows, 0 for the rest. [r] */
  readonly gate: readonly number[];
  /** Soft probabilities the gradient goes through. [choices] */
  readonly soft: readonly number[];
}

/** Gumbel-Softmax with a hard forward pass (straight through): Jang et al., ICLR 2017, arXiv 1611.01144. */
export function drawGate(
  logits: Float32Array,
  choices: readonly number[],
  temperature: number,
  rng: Rng,
): GateDraw {
  const noisy = Array.from(logits, (logit) => (logit + rng.gumbel()) / temperature);
  const highest = Math.max(...noisy);
  const exponentials = noisy.map((value) => Math.exp(value - highest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return {
    gate: nestedGate(choices[noisy.indexOf(highest)]!, choices.at(-1)!),
    soft: exponentials.map((e) => e / sum),
  };
}

/** The likeliest choice, for the end of training. */
export function chosenRank(logits: Float32Array, choices: readonly number[]): number {
  return choices[logits.indexOf(Math.max(...logits))]!;
}

/** Ones for the first `rank` of `rows`. */
export function nestedGate(rank: number, rows: number): number[] {
  return Array.from({ length: rows }, (_, row) => (row < rank ? 1 : 0));
}

/** Gradient of the logits: g_k = Σ_(r_j > k) y_j, and y is a softmax of logits / temperature. */
export function gateGradient(
  gateGradients: readonly number[],
  { soft }: GateDraw,
  choices: readonly number[],
  temperature: number,
): Float32Array {
  const perChoice = choices.map((rank) =>
    gateGradients.slice(0, rank).reduce((sum, value) => sum + value, 0),
  );
  const mean = perChoice.reduce((sum, value, j) => sum + value * soft[j]!, 0);
  return Float32Array.from(perChoice, (value, j) => (soft[j]! * (value - mean)) / temperature);
}
