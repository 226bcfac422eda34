/** @file How a new task pulls at the cores before anything is trained. */
import type { Matrix } from "ml-matrix";
import { ClassStatistics, linearScores } from "../../heads/class-statistics.ts";
import { linearDiscriminant } from "../../heads/discriminant.ts";
import { headCapacity } from "../../heads/task-head.ts";
import type { AdaptedVit } from "../../network/adapted-vit.ts";
import type { PassResult } from "../../network/feature-pass.ts";
import { matrix } from "../../tensor/linear-algebra.ts";
import { tensor } from "../../tensor/tensor.ts";
import type { SharedState } from "./shared-state.ts";

/** Spread of the probe's logits: a zero head would give zero gradients, a saturated one too. */
const LOGIT_DEVIATION = 2;

/**
 * Mean dL/dC per site on the pass's excerpt, under a tempered LDA head fitted on the task's own features.
 * @param trained what the task's training will ask gradients of, cores included: its session serves here too
 */
export async function probeGradients(
  vit: AdaptedVit,
  shared: SharedState,
  seen: PassResult,
  trained: readonly string[],
  shrinkage: number,
): Promise<Record<string, Matrix>> {
  const { sites, rank } = vit.adaptation;
  const statistics = new ClassStatistics(vit.width);
  statistics.add(seen, { betweenScatter: false });
  const { classes, weight, bias } = linearDiscriminant(statistics, shrinkage);
  const rows = { classes: classes.map((_, row) => row), weight, bias };
  const scores = linearScores(rows, seen.features, vit.width, classes.length);
  const temper = LOGIT_DEVIATION / rowDeviation(scores, classes.length);
  const capacity = headCapacity(classes.length);
  const scaled = (values: Float64Array, length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => (values[i] ?? 0) * temper);
  const { gradients } = await vit.gradients(
    seen.excerpt,
    {
      ...shared.parameters,
      "head.weight": tensor("float32", [capacity, vit.width], scaled(weight, capacity * vit.width)),
      "head.bias": tensor("float32", [capacity], scaled(bias, capacity)),
    },
    trained,
    { classes, capacity },
  );
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
