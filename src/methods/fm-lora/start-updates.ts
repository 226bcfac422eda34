/** @file Where a new task's core updates start: protection of the past, and a prior on the rank. Our reconstruction. */
import { Matrix } from "ml-matrix";
import type { PassResult } from "../../network/feature-pass.ts";
import { matrix } from "../../tensor/linear-algebra.ts";
import type { Figure } from "../figures.ts";
import { CoreUpdate } from "./core-update.ts";
import { CoreUpdates, type DrawPath } from "./core-updates.ts";
import { complexity, priorLogits, rankChoices } from "./rank-selector.ts";
import type { SharedState } from "./shared-state.ts";
import { asMatrix, momentSimilarity, softProjector } from "./subspace.ts";

/** The options of FM-LoRA that matter here. */
export interface UpdateOptions {
  readonly rank: number;
  readonly rankSelector: boolean;
  readonly protection: boolean;
  readonly protectionAlpha: number;
  readonly coreRate: number;
  /** Target ranks are multiplied by it. */
  readonly rankFactor: number;
  readonly gateRate: number;
}

/**
 * One update per site.
 * @param seen the task's images under the model so far
 * @param gradients mean dL/dC per site on the task
 * @returns the updates, and the task's similarity to all past tasks and mean target rank for the report
 */
export function startUpdates(
  shared: SharedState,
  seen: PassResult,
  gradients: Readonly<Record<string, Matrix>>,
  draws: DrawPath,
  options: UpdateOptions,
): { readonly updates: CoreUpdates; readonly figures: readonly Figure[] } {
  const { rank, rankSelector, protection, protectionAlpha, coreRate, gateRate, rankFactor } = options;
  const choices = rankSelector ? rankChoices(rank) : [rank];
  const similarities: number[] = [];
  const targets: number[] = [];
  const updates = new Map<string, CoreUpdate>();
  for (const [site, gradient] of Object.entries(gradients)) {
    const core = shared.parameters[`${site}.core`]!;
    const moment = shared.meanMoment(site);
    const norm = gradient.norm("frobenius");
    const relative = norm / shared.meanGradientNorm(site, norm);
    // r* = H sqrt(min(2, |G| / mean |G|)), the mean over past tasks at this site
    const target = rankFactor * complexity(gradient, asMatrix(core)) * Math.sqrt(Math.min(2, relative));
    similarities.push(momentSimilarity(moment, matrix(rank, rank, seen.moments[site]!)));
    targets.push(target);
    const update = new CoreUpdate({
      site,
      core,
      projector: protection ? softProjector(moment, protectionAlpha) : Matrix.eye(rank, rank),
      gradient,
      rate: coreRate,
      choices,
      logits: priorLogits(choices, target),
      gateRate,
    });
    updates.set(site, update);
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    updates: new CoreUpdates(updates, draws),
    figures: [
      { kind: "number", name: "similarityToPast", value: mean(similarities) },
      { kind: "number", name: "targetRank", value: mean(targets) },
    ],
  };
}
