import { expect, test } from "vitest";
import { WeightAverage } from "../../src/pretraining/weights.ts";
import { tensor } from "../../src/tensor/tensor.ts";

const of = (...values: number[]) => ({ w: tensor("float32", [values.length], Float32Array.from(values)) });

test("an average follows the weights: quickly in the first steps, then with its decay", () => {
  const start = of(0, 8);
  const average = new WeightAverage(start, 0.5);
  average.follow(of(10, 8), 0); // decay 1 / 10
  expect([...average.values.w!.data]).toEqual([9, 8]);
  average.follow(of(1, 8), 100); // decay 0.5
  expect([...average.values.w!.data]).toEqual([5, 8]);
  expect([...start.w.data]).toEqual([0, 8]); // the weights themselves stay
});
