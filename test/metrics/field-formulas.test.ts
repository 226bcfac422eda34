/**
 * @file Our numbers against the formulas of Mammoth (utils/metrics.py) and Avalanche (evaluation/metrics/forgetting_bwt.py,
 * forward_transfer.py), written out here from their definitions. Where they differ from ours, the test says how.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracyMatrix, summarize } from "../../src/metrics/accuracy-matrix.ts";

type Matrix = readonly (readonly number[])[];
const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

const mammoth = {
  backwardTransfer: (results: Matrix) =>
    mean(results.slice(0, -1).map((row, i) => results.at(-1)![i]! - row[i]!)),
  forwardTransfer: (results: Matrix, random: readonly number[]) =>
    mean(random.slice(1).map((b, k) => results[k]![k + 1]! - b)),
  /** Rows are padded with 0 up to T, then the highest entry of each column, rows before the task included. */
  forgetting: (results: Matrix) =>
    mean(
      results
        .slice(0, -1)
        .map((_, i) => Math.max(...results.map((row) => row[i] ?? 0)) - results.at(-1)![i]!),
    ),
};
/** Experience forgetting: accuracy right after a task was learned less accuracy now; a stream's is the mean over earlier tasks. */
const avalanche = {
  forgetting: (results: Matrix) => mean(results.slice(0, -1).map((row, i) => row[i]! - results.at(-1)![i]!)),
  backwardTransfer: (results: Matrix) => -avalanche.forgetting(results),
  /** Accuracy on a task before it came less its accuracy at initialization. */
  forwardTransfer: (results: Matrix, initial: readonly number[]) =>
    mean(initial.slice(1).map((b, k) => results[k]![k + 1]! - b)),
};

/** Two to eight tasks of unequal size, every entry evaluated. */
const runs = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 2, maxLength: 8 }).chain((testImages) =>
  fc
    .array(fc.tuple(...testImages.map((n) => fc.integer({ min: 0, max: n }))), {
      minLength: testImages.length,
      maxLength: testImages.length,
    })
    .map((correct) => ({ testImages, matrix: accuracyMatrix(correct, testImages) as number[][] })),
);
const lower = (matrix: Matrix): number[][] => matrix.map((row, t) => row.slice(0, t + 1));

describe("equal to the field's formulas", () => {
  test("backward transfer: Lopez-Paz, Mammoth, Avalanche", () => {
    fc.assert(
      fc.property(runs, ({ testImages, matrix }) => {
        const { backwardTransfer } = summarize(lower(matrix), testImages);
        expect(backwardTransfer).toBeCloseTo(mammoth.backwardTransfer(matrix), 12);
        expect(backwardTransfer).toBeCloseTo(avalanche.backwardTransfer(matrix), 12);
      }),
    );
  });

  test("forward transfer, with chance for the accuracy at initialization", () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 2, max: 345 }), ({ testImages, matrix }, classes) => {
        const chance = testImages.map(() => 1 / classes);
        const { forwardTransfer } = summarize(matrix, testImages, { chance: 1 / classes });
        expect(forwardTransfer).toBeCloseTo(mammoth.forwardTransfer(matrix, chance), 12);
        expect(forwardTransfer).toBeCloseTo(avalanche.forwardTransfer(matrix, chance), 12);
      }),
    );
  });

  test("forgetting: Mammoth's, where rows end at the diagonal", () => {
    fc.assert(
      fc.property(runs, ({ testImages, matrix }) => {
        const { forgetting } = summarize(lower(matrix), testImages);
        expect(forgetting).toBeCloseTo(mammoth.forgetting(lower(matrix)), 12);
      }),
    );
  });

  test("forgetting: Avalanche's is measured from the first accuracy, which is ours where nothing rises later", () => {
    fc.assert(
      fc.property(runs, ({ testImages, matrix }) => {
        const falling = lower(matrix).map((row, t) =>
          row.map((_, i) => Math.min(...matrix.slice(i, t + 1).map((r) => r[i]!))),
        );
        const { forgetting } = summarize(falling, testImages);
        expect(forgetting).toBeCloseTo(avalanche.forgetting(falling), 12);
      }),
    );
  });
});

describe("where they differ", () => {
  test("Avalanche's forgetting is negative where a task improves; ours counts from its best", () => {
    const matrix = [[0.5], [0.8, 0.4], [0.6, 0.4, 1]];
    expect(avalanche.forgetting(matrix)).toBeCloseTo((-0.1 + 0) / 2, 12);
    expect(summarize(matrix, [10, 10, 10]).forgetting).toBeCloseTo((0.2 + 0) / 2, 12);
  });

  test("Mammoth's forgetting takes accuracies from before a task was learned; ours does not", () => {
    const matrix = [
      [0.5, 0.9],
      [0.5, 0.6],
      [0.5, 0.6, 1],
    ];
    expect(mammoth.forgetting(matrix)).toBeCloseTo((0 + 0.3) / 2, 12);
    expect(summarize(matrix, [10, 10, 10]).forgetting).toBe(0);
  });
});
