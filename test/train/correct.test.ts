import { expect, test } from "vitest";
import { correctRows } from "../../src/train/correct.ts";

const none = Number.NEGATIVE_INFINITY;
const correct = (scores: number[][], labels: number[]): boolean[] =>
  correctRows(Float32Array.from(scores.flat()), { labels: Int32Array.from(labels), count: labels.length });

test("correctRows tells rows whose highest score is the label's", () => {
  expect(
    correct(
      [
        [1, 2, none],
        [3, 2, 1],
        [none, none, -5],
      ],
      [1, 1, 2],
    ),
  ).toEqual([true, false, true]);
});

test("correctRows takes the first of equal scores", () => {
  expect(
    correct(
      [
        [1, 1],
        [1, 1],
      ],
      [0, 1],
    ),
  ).toEqual([true, false]);
});

test("correctRows finds nothing right where no class has a score, or one that is no number", () => {
  expect(
    correct(
      [
        [none, none],
        [Number.NaN, Number.NaN],
      ],
      [0, 0],
    ),
  ).toEqual([false, false]);
});
