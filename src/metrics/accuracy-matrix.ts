/** @file From correct counts to the numbers that continual learning is compared by. All functions are pure. */

import { InputError } from "../tensor/errors.ts";
import type { ReadoutMetrics } from "./run-metrics.ts";

/** R[t][i]: accuracy on task i after task t, 0 to 1; null (or a shorter row) where not evaluated. */
export type AccuracyMatrix = readonly (readonly (number | null)[])[];

/** What a summary needs besides the matrix. */
export interface SummaryOptions {
  /**
   * Expected accuracy of an untrained classifier, which forward transfer is measured against: 1 / classes where all
   * tasks share their classes. Left out (class-incremental): no forward transfer.
   */
  readonly chance?: number | undefined;
  /** Accuracy after task t on the images of each domain; left out: none. */
  readonly domainAccuracy?: ReadoutMetrics["domainAccuracy"] | undefined;
  /** Accuracies in the course of the stream, from `anytimeCurve`; left out: none. */
  readonly anytimeCurve?: readonly number[] | undefined;
}

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
 * Everything that a readout is reported by, most of it from its accuracy matrix. Task indices are numbers throughout; entries above the
 * diagonal (tasks not yet trained) enter `accuracyAllTasks` and `forwardTransfer` only.
 *
 * A task with no test images is left out of every mean. A row is evaluated as a whole or not at all: what needs an
 * absent row is null, because an average over the tasks that happen to be there would look like a result.
 *
 * @param matrix - R[t][i], one row per trained task.
 * @param testImages - Test images of each task, at least as many tasks as the matrix has rows.
 */
export function summarize(
  matrix: AccuracyMatrix,
  testImages: readonly number[],
  { chance, domainAccuracy = [], anytimeCurve = [] }: SummaryOptions = {},
): ReadoutMetrics {
  const tasks = matrix.length;
  if (tasks === 0) throw new InputError("accuracy matrix: no rows; a run needs at least one finished task");
  if (testImages.length < tasks)
    throw new InputError(`accuracy matrix: ${tasks} rows, but test images of ${testImages.length} tasks`);
  matrix.forEach((row, t) => {
    checkRow(row, t, testImages);
  });

  const accuracyMicro = matrix.map((row, t) => microAccuracy(row.slice(0, t + 1), testImages));
  const accuracyMacro = matrix.map((row, t) => {
    const known = row.slice(0, t + 1).filter((value) => value !== null);
    return known.length === 0 ? null : mean(known);
  });
  return {
    accuracyMatrix: matrix.map((row) => [...row]),
    accuracyMicro,
    accuracyMacro,
    accuracyAllTasks: matrix.map((row) =>
      testImages.every((images, i) => images === 0 || typeof row[i] === "number")
        ? microAccuracy(row, testImages)
        : null,
    ),
    lastAccuracy: accuracyMicro[tasks - 1]!,
    averageAccuracy: meanOfAll(accuracyMicro),
    forgetting: forgetting(matrix, testImages),
    backwardTransfer: backwardTransfer(matrix, testImages),
    forwardTransfer: chance === undefined ? null : forwardTransfer(matrix, testImages, chance),
    domainAccuracy,
    anytimeCurve,
    anytimeAccuracy: meanOfAll(anytimeCurve),
  };
}

/**
 * Chaudhry et al. 2018 (arXiv 1801.10112), their f_j^k, but the maximum includes the last task, so that a drop is
 * never negative: a task that ends at its best has forgotten nothing.
 */
function forgetting(matrix: AccuracyMatrix, testImages: readonly number[]): number | null {
  const final = matrix.at(-1)!;
  const drops = earlierTasks(matrix, testImages).map((i) => {
    const course = matrix.slice(i).map((row) => row[i] ?? null);
    return course.includes(null) ? null : Math.max(...(course as number[])) - final[i]!;
  });
  return drops.length === 0 ? 0 : meanOfAll(drops);
}

/** Lopez-Paz and Ranzato 2017 (arXiv 1706.08840): mean of R[T][i] - R[i][i]. */
function backwardTransfer(matrix: AccuracyMatrix, testImages: readonly number[]): number | null {
  const final = matrix.at(-1)!;
  const changes = earlierTasks(matrix, testImages).map((i) => difference(final[i], matrix[i]![i]));
  return changes.length === 0 ? 0 : meanOfAll(changes);
}

/** Lopez-Paz and Ranzato 2017: mean over i > 0 of R[i-1][i] - b, b the accuracy of an untrained classifier. */
function forwardTransfer(
  matrix: AccuracyMatrix,
  testImages: readonly number[],
  chance: number,
): number | null {
  const later = matrix.flatMap((_, i) => (i > 0 && testImages[i]! > 0 ? [i] : []));
  return later.length === 0 ? null : meanOfAll(later.map((i) => difference(matrix[i - 1]![i], chance)));
}

/** All tasks but the last, if they have test images. */
function earlierTasks(matrix: AccuracyMatrix, testImages: readonly number[]): number[] {
  return matrix.slice(0, -1).flatMap((_, i) => (testImages[i]! > 0 ? [i] : []));
}

const difference = (value: number | null | undefined, from: number | null | undefined): number | null =>
  typeof value === "number" && typeof from === "number" ? value - from : null;

/** Correct over all images of a row: the mean of its accuracies weighted by test images; null if nothing is there. */
function microAccuracy(row: readonly (number | null)[], testImages: readonly number[]): number | null {
  let correct = 0;
  let images = 0;
  for (const [i, accuracy] of row.entries()) {
    if (accuracy === null) continue;
    correct += wholeCount(accuracy * testImages[i]!);
    images += testImages[i]!;
  }
  return images === 0 ? null : correct / images;
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
  const rowEvaluated = row.some((value) => value !== null);
  for (let i = 0; i <= t; i++) {
    const images = testImages[i]!;
    if (!(images >= 0)) throw new InputError(`accuracy matrix: task ${i} has ${images} test images`);
    const evaluated = row[i] !== null && row[i] !== undefined;
    if (rowEvaluated && evaluated !== images > 0)
      throw new InputError(
        evaluated
          ? `accuracy matrix: R[${t}][${i}] is ${row[i]}, but task ${i} has no test images`
          : `accuracy matrix: R[${t}][${i}] is missing, but task ${i} has ${images} test images`,
      );
  }
}

/** The mean; null if there is no value or one is missing. */
function meanOfAll(values: readonly (number | null)[]): number | null {
  return values.length === 0 || values.includes(null) ? null : mean(values as readonly number[]);
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
