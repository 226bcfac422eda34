import { expect, test } from "vitest";
import { countCorrect } from "../../src/train/correct.ts";

const none = Number.NEGATIVE_INFINITY;
const count = (scores: number[][], labels: number[]): number =>
  countCorrect(Float32Array.from(scores.flat()), { labels: Int32Array.from(labels), count: labels.length });

test("countCorrect counts rows whose highest score is the label's", () => {
  expect(
    count(
      [
        [1, 2, none],
        [3, 2, 1],
        [none, none, -5],
      ],
      [1, 1, 2],
    ),
  ).toBe(2);
});

test("countCorrect takes the first of equal scores", () => {
  expect(
    count(
      [
        [1, 1],
        [1, 1],
      ],
      [0, 1],
    ),
  ).toBe(1);
});

test("countCorrect finds nothing right where no class has a score, or one that is no number", () => {
  expect(
    count(
      [
        [none, none],
        [Number.NaN, Number.NaN],
      ],
      [0, 0],
    ),
  ).toBe(0);
});
