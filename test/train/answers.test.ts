import { expect, test } from "vitest";
import { answersOf, NO_ANSWER } from "../../src/train/answers.ts";

const none = Number.NEGATIVE_INFINITY;
const answers = (...scores: number[][]): number[] =>
  answersOf(Float32Array.from(scores.flat()), scores.length);

test("answersOf takes the class of the highest score, of equal scores the first", () => {
  expect(answers([1, 2, none], [3, 2, 1], [none, none, -5])).toEqual([1, 0, 2]);
  expect(answers([1, 1], [0, 0])).toEqual([0, 0]);
});

test("answersOf has no answer where no class has a score, or one that is no number", () => {
  expect(answers([none, none], [Number.NaN, Number.NaN])).toEqual([NO_ANSWER, NO_ANSWER]);
});
