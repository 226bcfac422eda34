/** @file Dense linear algebra: its vectors give what plain loops give, to the last bit. */
import { describe, expect, test } from "vitest";
import {
  gram,
  product,
  ridgeFactor,
  solveFactored,
  solveRidge,
  transposed,
  whitener,
} from "../../src/tensor/linear-algebra.ts";
import { Rng } from "../../src/tensor/rng.ts";

const rng = Rng.at("linear algebra");
const drawn = (count: number): Float64Array => Float64Array.from({ length: count }, () => rng.normal());

/** Sums in the order in which they are written down. */
function plainProduct(x: Float64Array, p: number, y: Float64Array, q: number): Float64Array {
  return Float64Array.from({ length: (x.length / p) * q }, (_, at) => {
    const [row, column] = [Math.floor(at / q), at % q];
    let sum = 0;
    for (let k = 0; k < p; k++) sum += x[row * p + k]! * y[k * q + column]!;
    return sum;
  });
}

/** L Lᵀ X = R by the definition of substitution. */
function plainSolve(lower: Float64Array, d: number, right: Float64Array, q: number): Float64Array {
  const x = right.slice();
  for (let j = 0; j < q; j++) {
    for (let row = 0; row < d; row++) {
      for (let k = 0; k < row; k++) x[row * q + j]! -= lower[row * d + k]! * x[k * q + j]!;
      x[row * q + j]! /= lower[row * d + row]!;
    }
    for (let row = d - 1; row >= 0; row--) {
      for (let k = row + 1; k < d; k++) x[row * q + j]! -= lower[k * d + row]! * x[k * q + j]!;
      x[row * q + j]! /= lower[row * d + row]!;
    }
  }
  return x;
}

describe("products", () => {
  // Rows and columns that fill no group or panel, few enough for plain loops, and more than are there at a time.
  const shapes = [
    [1, 1, 1],
    [3, 5, 7],
    [33, 20, 9],
    [64, 33, 31],
    [1025, 129, 6],
    [7, 40_000, 2],
    [5, 70_000, 1],
  ] as const;
  test.each(shapes)("[%i, %i] times [.., %i]", (n, p, q) => {
    const [x, y] = [drawn(n * p), drawn(p * q)];
    expect(product(x, p, y, q)).toEqual(plainProduct(x, p, y, q));
    expect(gram(transposed(x, n, p), n, y, q)).toEqual(plainProduct(x, p, y, q));
  });

  test("of nothing, and of float32", () => {
    expect(product(new Float64Array(0), 3, drawn(9), 3)).toHaveLength(0);
    const [x, y] = [Float32Array.from(drawn(64 * 40)), Float32Array.from(drawn(40 * 20))];
    expect(product(x, 40, y, 20)).toEqual(plainProduct(Float64Array.from(x), 40, Float64Array.from(y), 20));
  });

  test("pass on what is no number", () => {
    const x = drawn(30 * 30);
    x[31] = Number.NaN;
    const found = product(x, 30, drawn(30 * 30), 30);
    expect(found.subarray(30, 60).every(Number.isNaN)).toBe(true);
    expect(found.subarray(0, 30).some(Number.isNaN)).toBe(false);
  });
});

describe.each([1, 2, 7, 33, 100])("triangular systems of %i", (d) => {
  const rows = drawn(d * (d + 3));
  const square = gram(rows, d, rows, d);
  const lower = ridgeFactor(square, d, 0.1);

  test.each([1, 3, 8, 19])("with %i right sides", (q) => {
    const right = drawn(d * q);
    expect(solveFactored(lower, d, right, q)).toEqual(plainSolve(lower, d, right, q));
    expect(solveRidge(square, d, 0.1, right, q)).toEqual(plainSolve(lower, d, right, q));
  });

  test("whitened", () => {
    const white = whitener(lower, d);
    const unit = product(transposed(lower, d, d), d, white, d); // Lᵀ L⁻ᵀ
    for (const [i, value] of unit.entries())
      expect(value).toBeCloseTo(Number(Math.floor(i / d) === i % d), 10);
  });
});
