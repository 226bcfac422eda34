/** @file What graphs over an adapted network are built from, the one that sums up what adaptations see, and the one that trains. */
import { backward } from "../autodiff/backward.ts";
import { input, type Value } from "../graph/value.ts";
import { add, expand, matmul, mul, reshape } from "../ops/index.ts";
import type { Adaptation, Watch } from "./adaptation.ts";
import type { Features } from "./features.ts";
import type { Objective } from "./objective.ts";
import type { ParameterInputs } from "./parameter-inputs.ts";

/** What a graph of one's own is built from. */
export interface GraphParts {
  /** Images of a run. */
  readonly size: number;
  /** Trained values. */
  readonly values: ParameterInputs;
  /**
   * Features with all adaptations as they are trained, unmerged. [size, d]
   * @param least wider ones, which begin with the network's own, where those are narrower than this kind
   */
  features(watch?: Watch, least?: Features): Value;
}

/** Name of the input with each image's share of the batch, 0 for one that only fills it up. [size] */
export const IMAGE_SHARE = "imageShare";
/** Prefix of outputs: Σ h hᵀ of a site. */
export const MOMENT = "moment ";
/** Prefix of outputs: tokens in that sum. */
export const TOKENS = "tokens ";

/** Features, and Σ h hᵀ of all that the adaptations see; images that only fill up the batch weigh nothing. */
export function observationGraph({ size, features }: GraphParts): Record<string, Value> {
  const share = input(IMAGE_SHARE, "float32", [size]);
  const outputs: Record<string, Value> = {};
  const seen = features((site, h) => {
    const perImage = h.dims[0]! / size;
    const weight = reshape(expand(reshape(share, [size, 1]), [size, perImage]), [size * perImage, 1]);
    outputs[MOMENT + site] = matmul(mul(h, weight), h, { transposeA: true });
    outputs[TOKENS + site] = matmul(weight, weight, { transposeA: true });
  });
  return { features: seen, ...outputs };
}

/** The loss, and its gradients by trained values as "d NAME". */
export function trainingGraph(
  { values, size, features }: GraphParts,
  adaptations: readonly Adaptation[],
  { trained, objective }: { readonly trained: readonly string[]; readonly objective: Objective },
): Record<string, Value> {
  const share = input(IMAGE_SHARE, "float32", [size]);
  const terms = [
    objective.loss(features(undefined, objective.features), values, share),
    ...adaptations.flatMap((adaptation) => adaptation.loss?.(values, share) ?? []),
  ];
  const loss = terms.reduce((sum, term) => add(sum, term));
  const gradients = backward(
    loss,
    trained.map((name) => values.known.get(name)!),
  );
  return { loss, ...Object.fromEntries(trained.map((name, i) => [`d ${name}`, gradients[i]!])) };
}
