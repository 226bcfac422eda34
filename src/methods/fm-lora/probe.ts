/** @file How a new task pulls at the cores before anything is trained. */
import type { Matrix } from "ml-matrix";
import { ClassStatistics } from "../../heads/class-statistics.ts";
import { linearDiscriminant } from "../../heads/discriminant.ts";
import { linearScores } from "../../heads/linear-classifier.ts";
import type { AdaptedNetwork } from "../../network/adapted-network.ts";
import type { PassResult } from "../../network/feature-pass.ts";
import { localCrossEntropy } from "../../network/objective.ts";
import { matrix } from "../../tensor/linear-algebra.ts";
import { tensor } from "../../tensor/tensor.ts";
import { rowCapacity } from "../parts/trained-rows.ts";
import type { SharedState } from "./shared-state.ts";

/** Spread of the probe's logits: a zero head would give zero gradients, a saturated one too. */
const LOGIT_DEVIATION = 2;
/** Ridge of an LDA that is fitted on a task's own features, in mean diagonals. */
export const PROBE_SHRINKAGE = 0.1;

/**
 * Mean dL/dC per site on the pass's excerpt, under a tempered LDA head fitted on the task's own features.
 * @param trained what the task's training will ask gradients of, cores included: its session serves here too
 */
export async function probeGradients(
  network: AdaptedNetwork,
  shared: SharedState,
  seen: PassResult,
  trained: readonly string[],
): Promise<Record<string, Matrix>> {
  const { width } = network;
  const statistics = new ClassStatistics(width);
  statistics.add(seen, { betweenScatter: false });
  const { classes, weight, bias } = linearDiscriminant(statistics, PROBE_SHRINKAGE);
  const rows = { classes: classes.map((_, row) => row), weight, bias };
  const scores = linearScores(rows, seen.features, width, classes.length);
  const temper = LOGIT_DEVIATION / rowDeviation(scores, classes.length);
  const capacity = rowCapacity(classes.length);
  const scaled = (values: Float64Array, length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => (values[i] ?? 0) * temper);
  const { gradients } = await network.gradients(
    seen.excerpt,
    {
      ...shared.parameters,
      "head.weight": tensor("float32", [capacity, width], scaled(weight, capacity * width)),
      "head.bias": tensor("float32", [capacity], scaled(bias, capacity)),
    },
    trained,
    localCrossEntropy({ classes, capacity }),
  );
  const { rank, sites } = shared;
  return Object.fromEntries(sites.map((site) => [site, matrix(rank, rank, gradients[`${site}.core`]!)]));
}

/** Standard deviation within rows, averaged. */
function rowDeviation(values: Float32Array, columns: number): number {
  let sum = 0;
  const rows = values.length / columns;
  for (let row = 0; row < rows; row++) {
    const own = values.subarray(row * columns, (row + 1) * columns);
    const mean = own.reduce((total, value) => total + value, 0) / columns;
    sum += Math.sqrt(own.reduce((total, value) => total + (value - mean) ** 2, 0) / columns);
  }
  return sum / rows || 1;
}
