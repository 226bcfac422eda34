/** @file From what a run counted to metrics.json. */
import { accuracyMatrix, summarise } from "../metrics/accuracy-matrix.ts";
import type { RunMetrics } from "../metrics/run-metrics.ts";
import type { RunRecord } from "./checkpoint.ts";

/** Names and numbers of a run that its record does not have. */
export interface RunIdentity {
  readonly method: string;
  readonly benchmark: string;
  readonly backbone: string;
  readonly seed: number;
  readonly orderSeed: number | null;
  readonly taskNames: readonly string[];
  readonly evaluatedOn: RunMetrics["evaluatedOn"];
  readonly peakRssBytes: number;
}

/** The contents of metrics.json. */
export function runMetrics(record: RunRecord, identity: RunIdentity): RunMetrics {
  const { method, benchmark, backbone, seed, orderSeed, taskNames, evaluatedOn, peakRssBytes } = identity;
  const { testImages } = record;
  const readouts = Object.fromEntries(
    Object.entries(record.correct).map(([name, correct]) => [
      name,
      summarise(accuracyMatrix(correct, testImages), testImages),
    ]),
  );
  const [readout] = Object.keys(readouts) as [string];
  return {
    method,
    benchmark,
    backbone,
    seed,
    orderSeed,
    readout,
    ...readouts[readout]!,
    trainableParameters: record.trainableParameters,
    stateBytes: record.stateBytes,
    ranks: record.ranks,
    imagesPerSecond: record.trainingSeconds === 0 ? 0 : record.trainedImages / record.trainingSeconds,
    seconds: record.seconds,
    peakRssBytes,
    taskSeconds: record.taskSeconds,
    evaluatedOn,
    testImages,
    taskNames,
    readouts,
  };
}
