/** @file From correct counts to the numbers that continual learning is compared by. All functions are pure. */

import { InputError } from "../tensor/errors.ts";
import type { ReadoutMetrics } from "./run-metrics.ts";

/** R[t][i]: accuracy on task i after task t, 0 to 1; null (or a shorter row) where not evaluated. */
export type AccuracyMatrix = readonly (readonly (number | null)[])[];

/**
 * R[t][i] = correct[t][i] / testImages[i]. A null count, and a task without test images, gives null.
 *
 * @param correct - correct[t][i]: test images of task i classified correctly after task t.
 * @param testImages - Test images of each task.
 */
export function accuracyMatrix(
  correct: readonly (readonly (number | null)[])[],
  testImages: readonly number[],
): (number | null)[][] {
  return correct.map((row, t) =>
    row.map((count, i) => {
      const images = testImages[i];
      if (images === undefined)
        throw new InputError(
          `correct counts: row ${t} counts task ${i}, but testImages has ${testImages.length} tasks`,
        );
      if (count === null || images === 0) return null;
      if (!(count >= 0 && count <= images))
        throw new InputError(
          `correct counts: ${count} of ${images} test images of task ${i} after task ${t}`,
        );
      return count / images;
    }),
  );
}

/**
 * Everything that is computed from one accuracy matrix. Task indices are numbers throughout; entries above the
 * diagonal (tasks not yet trained) are kept in `accuracyMatrix` and enter no number.
 *
 * A task with no test images is left out of every mean. Any other gap at i <= t is an error: an average over the
 * tasks that happen to be there would look like a result.
 *
 * @param matrix - R[t][i], one row per trained task.
 * @param testImages - Test images of each task, at least as many tasks as the matrix has rows.
 */
export function summarise(matrix: AccuracyMatrix, testImages: readonly number[]): ReadoutMetrics {
  const tasks = matrix.length;
  if (tasks === 0) throw new InputError("accuracy matrix: no rows; a run needs at least one finished task");
  if (testImages.length < tasks)
    throw new InputError(`accuracy matrix: ${tasks} rows, but test images of ${testImages.length} tasks`);
  matrix.forEach((row, t) => {
    checkRow(row, t, testImages);
  });

  const accuracyMicro = matrix.map((row, t) => microAccuracy(row, t, testImages));
  const accuracyMacro = matrix.map((row, t) => mean(row.slice(0, t + 1).filter((value) => value !== null)));
  const drops: number[] = [];
  const transfers: number[] = [];
  for (let i = 0; i < tasks - 1; i++) {
    const final = matrix[tasks - 1]![i]!;
    if (final === null) continue; // no test images
    let best = final; // max over i <= t <= T includes T, so a drop is never negative
    for (let t = i; t < tasks; t++) best = Math.max(best, matrix[t]![i]!);
    drops.push(best - final);
    transfers.push(final - matrix[i]![i]!);
  }
  return {
    accuracyMatrix: matrix.map((row) => [...row]),
    accuracyMicro,
    accuracyMacro,
    lastAccuracy: accuracyMicro[tasks - 1]!,
    averageAccuracy: mean(accuracyMicro),
    forgetting: mean(drops),
    backwardTransfer: mean(transfers),
  };
}

/** Correct over all test images of tasks 0..t: the mean of R[t][0..t] weighted by test images. */
function microAccuracy(row: readonly (number | null)[], t: number, testImages: readonly number[]): number {
  let correct = 0;
  let images = 0;
  for (let i = 0; i <= t; i++) {
    const accuracy = row[i];
    if (accuracy === null || accuracy === undefined) continue;
    correct += wholeCount(accuracy * testImages[i]!);
    images += testImages[i]!;
  }
  return images === 0 ? 0 : correct / images;
}

/** (c / n) n may miss the integer c by a rounding error; the count is what was meant. */
function wholeCount(value: number): number {
  const whole = Math.round(value);
  return Math.abs(value - whole) < 1e-6 ? whole : value;
}

function checkRow(row: readonly (number | null)[], t: number, testImages: readonly number[]): void {
  row.forEach((value, i) => {
    if (value !== null && !(value >= 0 && value <= 1))
      throw new InputError(`accuracy matrix: R[${t}][${i}] is ${value}; accuracies are 0 to 1, or null`);
  });
  for (let i = 0; i <= t; i++) {
    const images = testImages[i]!;
    if (!(images >= 0)) throw new InputError(`accuracy matrix: task ${i} has ${images} test images`);
    const evaluated = row[i] !== null && row[i] !== undefined;
    if (evaluated !== images > 0)
      throw new InputError(
        evaluated
          ? `accuracy matrix: R[${t}][${i}] is ${row[i]}, but task ${i} has no test images`
          : `accuracy matrix: R[${t}][${i}] is missing, but task ${i} has ${images} test images`,
      );
  }
}

/** The mean, 0 for no values: metrics.json has no NaN. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
