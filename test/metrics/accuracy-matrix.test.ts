import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracyMatrix, summarize } from "../../src/metrics/accuracy-matrix.ts";
import { InputError } from "../../src/tensor/errors.ts";

describe("summarize", () => {
  test("three tasks worked by hand", () => {
    const metrics = summarize(
      [
        [0.9, null, null],
        [0.7, 0.8, null],
        [0.5, 0.6, 1],
      ],
      [10, 10, 10],
    );
    expect(metrics.accuracyMicro).toEqual([0.9, 0.75, 0.7]);
    expect(metrics.accuracyMacro.map((value) => Number(value!.toFixed(12)))).toEqual([0.9, 0.75, 0.7]);
    expect(metrics.lastAccuracy).toBe(0.7);
    expect(metrics.averageAccuracy).toBeCloseTo((0.9 + 0.75 + 0.7) / 3, 12);
    expect(metrics.forgetting).toBeCloseTo((0.4 + 0.2) / 2, 12);
    expect(metrics.backwardTransfer).toBeCloseTo(-(0.4 + 0.2) / 2, 12);
  });

  test("micro weighs by test images, macro does not", () => {
    const metrics = summarize([[1], [0.5, 0]], [90, 10]);
    expect(metrics.accuracyMicro).toEqual([1, 0.45]);
    expect(metrics.accuracyMacro).toEqual([1, 0.25]);
    expect(metrics.lastAccuracy).toBe(0.45);
    expect(metrics.averageAccuracy).toBeCloseTo(0.725, 12);
  });

  test("forgetting counts from the best accuracy since the task was learned, transfer from the first", () => {
    const metrics = summarize([[0.5], [0.8, 0.4], [0.6, 0.7, 1]], [10, 10, 10]);
    expect(metrics.forgetting).toBeCloseTo((0.2 + 0) / 2, 12);
    expect(metrics.backwardTransfer).toBeCloseTo((0.1 + 0.3) / 2, 12);
  });

  test("an accuracy from before a task was learned enters no number but that over all tasks", () => {
    const without = summarize(
      [
        [0.5, null],
        [0.4, 0.6],
      ],
      [10, 10],
    );
    const evaluated = summarize(
      [
        [0.5, 0.9],
        [0.4, 0.6],
      ],
      [10, 10],
    );
    expect(evaluated.accuracyAllTasks).toEqual([0.7, 0.5]);
    expect(without.accuracyAllTasks).toEqual([null, 0.5]);
    const others = { accuracyMatrix: null, accuracyAllTasks: null };
    expect({ ...evaluated, ...others }).toEqual({ ...without, ...others });
    expect(evaluated.accuracyMatrix[0]).toEqual([0.5, 0.9]);
  });

  test("one task forgets nothing", () => {
    expect(summarize([[0.25]], [8])).toEqual({
      accuracyMatrix: [[0.25]],
      accuracyMicro: [0.25],
      accuracyMacro: [0.25],
      accuracyAllTasks: [0.25],
      domainAccuracy: [],
      lastAccuracy: 0.25,
      averageAccuracy: 0.25,
      forgetting: 0,
      backwardTransfer: 0,
      forwardTransfer: null,
      anytimeCurve: [],
      anytimeAccuracy: null,
    });
  });

  test("twelve tasks stay in the order of their numbers: task 10 is not task 2", () => {
    // Task i starts at 1 and loses i % per later task; sorted as text, tasks 10 and 11 would take places 2 and 3.
    const matrix = Array.from({ length: 12 }, (_, t) =>
      Array.from({ length: t + 1 }, (_, i) => 1 - 0.01 * i * (t - i)),
    );
    const expected =
      [0, 10, 18, 24, 28, 30, 30, 28, 24, 18, 10].reduce((sum, drop) => sum + drop / 100, 0) / 11;
    const metrics = summarize(matrix, new Array(12).fill(1000));
    expect(metrics.forgetting).toBeCloseTo(expected, 12);
    expect(metrics.backwardTransfer).toBeCloseTo(-expected, 12);
  });

  test("a task without test images is left out of the means", () => {
    const metrics = summarize([[0.5], [0.4, null], [0.3, null, 0.9]], [10, 0, 10]);
    expect(metrics.accuracyMacro).toEqual([0.5, 0.4, 0.6]);
    expect(metrics.accuracyMicro).toEqual([0.5, 0.4, 0.6]);
    expect(metrics.forgetting).toBeCloseTo(0.2, 12);
  });

  test("forward transfer is measured over chance, from the row before a task: worked by hand", () => {
    const matrix = [
      [0.9, 0.4, 0.3],
      [0.8, 0.9, 0.5],
      [0.8, 0.8, 0.9],
    ];
    const metrics = summarize(matrix, [10, 20, 30], { chance: 0.25 });
    expect(metrics.forwardTransfer).toBeCloseTo((0.4 - 0.25 + (0.5 - 0.25)) / 2, 12);
    expect(metrics.accuracyMicro[0]).toBe(0.9);
    expect(metrics.accuracyAllTasks.map((value) => Number(value!.toFixed(12)))).toEqual([
      Number(((9 + 8 + 9) / 60).toFixed(12)),
      Number(((8 + 18 + 15) / 60).toFixed(12)),
      Number(((8 + 16 + 27) / 60).toFixed(12)),
    ]);
  });

  test("forward transfer is null without chance (new classes), ahead rows, or a second task", () => {
    const full = [
      [0.5, 0.2],
      [0.5, 0.6],
    ];
    expect(summarize(full, [10, 10]).forwardTransfer).toBeNull();
    expect(summarize([[0.5], [0.5, 0.6]], [10, 10], { chance: 0.1 }).forwardTransfer).toBeNull();
    expect(summarize([[0.5]], [10], { chance: 0.1 }).forwardTransfer).toBeNull();
  });

  test("tasks that were not evaluated: what needs their rows is null, the rest is as it was", () => {
    const matrix = [[0.9], [], [0.6, 0.7, 0.8], [0.5, 0.6, 0.7, 1]];
    const metrics = summarize(matrix, [10, 10, 10, 10]);
    expect(metrics.accuracyMicro).toEqual([0.9, null, 0.7, 0.7]);
    expect(metrics.accuracyMacro.map((value) => value && Number(value.toFixed(12)))).toEqual([
      0.9,
      null,
      0.7,
      0.7,
    ]);
    expect(metrics.lastAccuracy).toBe(0.7);
    expect(metrics).toMatchObject({ averageAccuracy: null, forgetting: null, backwardTransfer: null });
  });

  test("a run evaluated at its end only has a last accuracy and nothing over time; one never evaluated has nothing", () => {
    const last = summarize([[], [], [1, 0.5, 0.75]], [4, 4, 4]);
    expect(last).toMatchObject({ lastAccuracy: 0.75, averageAccuracy: null, forgetting: null });
    expect(summarize([[], []], [4, 4])).toMatchObject({
      accuracyMicro: [null, null],
      lastAccuracy: null,
      averageAccuracy: null,
      forgetting: null,
      backwardTransfer: null,
    });
  });

  test("120 tasks of 345 classes in all, unbalanced: closed forms", () => {
    // Task i has 10 (i + 1) images; after task t, 10 (i + 1) - (t - i) of them are right.
    const tasks = 120;
    const testImages = Array.from({ length: tasks }, (_, i) => 10 * (i + 1));
    const counts = Array.from({ length: tasks }, (_, t) =>
      Array.from({ length: t + 1 }, (_, i) => Math.max(0, 10 * (i + 1) - (t - i))),
    );
    const metrics = summarize(accuracyMatrix(counts, testImages), testImages);
    const lost = Array.from({ length: tasks - 1 }, (_, i) => Math.min(tasks - 1 - i, 10 * (i + 1)));
    const images = (10 * tasks * (tasks + 1)) / 2;
    expect(metrics.lastAccuracy).toBe((images - lost.reduce((sum, n) => sum + n, 0)) / images);
    const shares = lost.map((n, i) => n / (10 * (i + 1)));
    const forgetting = shares.reduce((sum, share) => sum + share, 0) / (tasks - 1);
    expect(metrics.forgetting).toBeCloseTo(forgetting, 12);
    expect(metrics.backwardTransfer).toBeCloseTo(-forgetting, 12);
    expect(metrics.accuracyMacro.at(-1)).toBeCloseTo(1 - (forgetting * (tasks - 1)) / tasks, 12);
    expect(metrics.accuracyMicro[1]).toBe((9 + 20) / 30);
  });

  test.each([
    [[], [], "accuracy matrix: no rows; a run needs at least one finished task"],
    [[[0.5]], [], "accuracy matrix: 1 rows, but test images of 0 tasks"],
    [[[55]], [10], "accuracy matrix: R[0][0] is 55; accuracies are 0 to 1, or null"],
    [[[0.5], [null, 0.5]], [10, 10], "accuracy matrix: R[1][0] is missing, but task 0 has 10 test images"],
    [[[0.5], [0.5, null]], [10, 10], "accuracy matrix: R[1][1] is missing, but task 1 has 10 test images"],
    [[[0.5]], [0], "accuracy matrix: R[0][0] is 0.5, but task 0 has no test images"],
  ])("refuses %j with %j test images", (matrix, testImages, message) => {
    expect(() => summarize(matrix, testImages)).toThrow(new InputError(message));
  });
});

describe("accuracyMatrix", () => {
  test("divides counts, keeps nulls", () => {
    expect(
      accuracyMatrix(
        [
          [3, null],
          [1, 5],
        ],
        [4, 5],
      ),
    ).toEqual([
      [0.75, null],
      [0.25, 1],
    ]);
    expect(accuracyMatrix([[3, 0]], [4, 0])).toEqual([[0.75, null]]);
  });

  test("refuses more correct images than there are", () => {
    expect(() => accuracyMatrix([[5]], [4])).toThrow(
      "correct counts: 5 of 4 test images of task 0 after task 0",
    );
    expect(() => accuracyMatrix([[1, 1]], [4])).toThrow("row 0 counts task 1, but testImages has 1 tasks");
  });
});

/** Up to 15 tasks of unequal size, correct counts for every t and i <= t. */
const streams = fc
  .array(fc.integer({ min: 1, max: 997 }), { minLength: 1, maxLength: 15 })
  .chain((testImages) =>
    fc
      .tuple(
        ...testImages.map((_, t) =>
          fc.tuple(...testImages.slice(0, t + 1).map((n) => fc.integer({ min: 0, max: n }))),
        ),
      )
      .map((correct) => ({ testImages, correct: correct as number[][] })),
  );

describe("properties", () => {
  test("micro is exactly correct over seen; everything lies in its range; arguments stay unchanged", () => {
    fc.assert(
      fc.property(streams, ({ testImages, correct }) => {
        const matrix = accuracyMatrix(correct, testImages);
        const before = JSON.stringify([matrix, testImages]);
        const metrics = summarize(matrix, testImages);
        expect(JSON.stringify([matrix, testImages])).toBe(before);
        correct.forEach((row, t) => {
          const seen = testImages.slice(0, t + 1).reduce((sum, n) => sum + n, 0);
          expect(metrics.accuracyMicro[t]).toBe(row.reduce((sum, n) => sum + n, 0) / seen);
        });
        expect(metrics.forgetting).toBeGreaterThanOrEqual(0);
        expect(metrics.forgetting).toBeLessThanOrEqual(1);
        expect(metrics.backwardTransfer).toBeGreaterThanOrEqual(-metrics.forgetting! - 1e-12);
        expect(metrics.lastAccuracy).toBe(metrics.accuracyMicro.at(-1));
      }),
    );
  });

  test("where no accuracy rises after learning, backward transfer is minus forgetting", () => {
    fc.assert(
      fc.property(streams, ({ testImages, correct }) => {
        const falling = correct.map((row, t) =>
          row.map((_, i) => Math.min(...correct.slice(i, t + 1).map((r) => r[i]!))),
        );
        const metrics = summarize(accuracyMatrix(falling, testImages), testImages);
        expect(metrics.backwardTransfer! + metrics.forgetting!).toBeCloseTo(0, 12);
      }),
    );
  });

  test("tasks of equal size have equal micro and macro", () => {
    fc.assert(
      fc.property(streams, ({ testImages, correct }) => {
        const equal = testImages.map(() => 997);
        const metrics = summarize(accuracyMatrix(correct, equal), equal);
        metrics.accuracyMicro.forEach((micro, t) => {
          expect(micro).toBeCloseTo(metrics.accuracyMacro[t]!, 12);
        });
      }),
    );
  });
});
