/** @file Made-up runs for the tests of comparisons. */
import { summarize } from "../../src/metrics/accuracy-matrix.ts";
import type { RunMetrics } from "../../src/metrics/run-metrics.ts";
import type { ComparedRun } from "../../src/report/comparison/run.ts";
import { exampleRun } from "./example.ts";

const TRAITS = { grows: ["classes"], trains: "every task", trained: "added values", forwardPasses: 1 };

/** A run of two tasks with the given last accuracies by head, the first one reported; everything else as in the example. */
export function runWith(method: string, seed: number, last: Readonly<Record<string, number>>): ComparedRun {
  const readouts = Object.fromEntries(
    Object.entries(last).map(([name, value]) => [
      name,
      summarize([[0.9], [0.8, 2 * value - 0.8]], [500, 500]),
    ]),
  );
  const readout = Object.keys(last)[0]!;
  const traits = ["lda", "ncm"].includes(method) ? { ...TRAITS, trains: "never" } : TRAITS;
  return {
    metrics: { ...exampleRun(2).metrics, ...readouts[readout]!, method, traits, seed, readout, readouts },
  };
}

/** The same run with other metrics. */
export const changed = (run: ComparedRun, metrics: Partial<RunMetrics>): ComparedRun => ({
  ...run,
  metrics: { ...run.metrics, ...metrics },
});

/** Four methods of three seeds, and two of one. */
export const runs = [
  ...[0.7, 0.72, 0.68].map((last, seed) => runWith("lora", seed, { lda: last })),
  ...[0.73, 0.752, 0.709].map((last, seed) => runWith("fm-lora", seed, { lda: last })),
  ...[0.71, 0.7, 0.7].map((last, seed) => runWith("inflora", seed, { lda: last })),
  ...[0.65, 0.67, 0.66].map((last, seed) => runWith("lda", seed, { lda: last })),
  runWith("joint", 0, { lda: 0.8 }),
  runWith("slca", 9, { lda: 0.6 }),
];
