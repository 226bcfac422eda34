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
  readonly orderSeed: number;
  readonly taskNames: readonly string[];
  readonly testImages: readonly number[];
  readonly peakRssBytes: number;
}

/** The contents of metrics.json. */
export function runMetrics(record: RunRecord, identity: RunIdentity): RunMetrics {
  const { method, benchmark, backbone, seed, orderSeed, taskNames, testImages, peakRssBytes } = identity;
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
    testImages,
    taskNames,
    readouts,
  };
}
