/** @file From what a run counted to metrics.json. */
import { accuracyMatrix, type SummaryOptions, summarize } from "../metrics/accuracy-matrix.ts";
import { anytimeCurve } from "../metrics/anytime.ts";
import type { ReadoutMetrics, RunMetrics } from "../metrics/run-metrics.ts";
import type { RunRecord } from "./record.ts";

/** Names and numbers of a run that its record does not have. */
export interface RunIdentity
  extends Pick<SummaryOptions, "chance">,
    Pick<
      RunMetrics,
      | "method"
      | "traits"
      | "benchmark"
      | "dataset"
      | "protocol"
      | "backbone"
      | "seed"
      | "orderSeed"
      | "taskNames"
      | "classNames"
      | "baseline"
      | "domainNames"
      | "evaluatedOn"
      | "peakRssBytes"
    > {}

/** The contents of metrics.json. */
export function runMetrics(record: RunRecord, { chance, ...identity }: RunIdentity): RunMetrics {
  const { testImages, domainImages, anytime } = record;
  const readouts = Object.fromEntries(
    Object.entries(record.correct).map(([name, correct]): [string, ReadoutMetrics] => {
      const summary = summarize(accuracyMatrix(correct, testImages), testImages, {
        chance,
        domainAccuracy: domainAccuracy(record.domainCorrect[name]!, domainImages),
        anytimeCurve: anytimeCurve(anytime.correct[name]!, anytime.testImages),
      });
      return [name, { ...summary, stateBytes: record.readoutBytes[name]! }];
    }),
  );
  const [readout] = Object.keys(readouts) as [string];
  const { method, traits, benchmark, dataset, protocol, backbone, seed, orderSeed } = identity;
  return {
    method,
    traits,
    benchmark,
    dataset,
    protocol,
    backbone,
    seed,
    orderSeed,
    readout,
    ...readouts[readout]!,
    trainableParameters: record.trainableParameters,
    untrainedTasks: record.untrainedTasks,
    stateBytes: record.stateBytes,
    ranks: record.ranks,
    imagesPerSecond: record.trainingSeconds === 0 ? 0 : record.trainedImages / record.trainingSeconds,
    seconds: record.seconds,
    peakRssBytes: identity.peakRssBytes,
    taskSeconds: record.taskSeconds,
    evaluationSeconds: record.evaluationSeconds,
    evaluatedOn: identity.evaluatedOn,
    testImages,
    taskNames: identity.taskNames,
    classNames: identity.classNames,
    confusions: record.confusions,
    baseline: identity.baseline,
    domainNames: identity.domainNames,
    anytimeImages: anytime.images,
    readouts,
  };
}

/** Shares by domain; no rows at all where every image is of one domain. */
function domainAccuracy(
  correct: readonly (readonly number[])[],
  images: readonly (readonly number[])[],
): (number | null)[][] {
  if (images.every((row) => row.length === 0)) return [];
  return correct.map((row, t) =>
    row.map((count, domain) => (images[t]![domain] === 0 ? null : count / images[t]![domain]!)),
  );
}
