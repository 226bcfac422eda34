import { inverse, Matrix } from "ml-matrix";
import { expect, test } from "vitest";
import { Rng } from "../../src/tensor/rng.ts";
import { solveTridiagonal, tridiagonalize } from "../../src/tensor/tridiagonal.ts";
import { largestDifference } from "../parity/networks.ts";

/** X Xᵀ of random X: [m, rank] */
function semidefinite(m: number, rank: number): Matrix {
  const rng = Rng.at("tridiagonal", m, rank);
  const x = new Matrix(Array.from({ length: m }, () => Array.from({ length: rank }, () => rng.normal())));
  return x.mmul(x.transpose());
}

test.each([
  [1, 1],
  [2, 2],
  [7, 7],
  [12, 5],
])("Yᵀ (S + λI)⁻¹ Y from the reduced form, S of size %d and rank %d", (m, rank) => {
  const rng = Rng.at("right", m);
  const y = new Matrix(Array.from({ length: m }, () => Array.from({ length: 3 }, () => rng.normal())));
  const s = semidefinite(m, rank);
  const reduced = tridiagonalize(Float64Array.from(s.to1DArray()), m, Float64Array.from(y.to1DArray()), 3);
  const rotated = Matrix.from1DArray(m, 3, [...reduced.rotated]);
  for (const ridge of [0.01, 1, 100]) {
    const solved = solveTridiagonal(reduced, ridge, reduced.rotated, 3)!;
    const found = rotated.transpose().mmul(Matrix.from1DArray(m, 3, [...solved]));
    const expected = y
      .transpose()
      .mmul(inverse(Matrix.add(s, Matrix.mul(Matrix.eye(m, m), ridge))))
      .mmul(y);
    const largest = Math.max(...expected.to1DArray().map(Math.abs));
    expect(largestDifference(found.to1DArray(), expected.to1DArray())).toBeLessThan(1e-9 * largest);
  }
});

test("a diagonal matrix, and one of zeros, stay as they are", () => {
  const diagonal = Float64Array.of(3, 0, 0, 0, 2, 0, 0, 0, 1);
  expect([...tridiagonalize(diagonal, 3, Float64Array.of(1, 2, 3), 1).diagonal]).toEqual([3, 2, 1]);
  expect([...tridiagonalize(new Float64Array(9), 3, Float64Array.of(1, 2, 3), 1).rotated]).toEqual([1, 2, 3]);
});

test("a matrix that isn't positive definite has no solution", () => {
  const { diagonal, beside } = tridiagonalize(Float64Array.of(1, 2, 2, 1), 2, Float64Array.of(1, 1), 1);
  expect(solveTridiagonal({ diagonal, beside }, 0.5, Float64Array.of(1, 1), 1)).toBeUndefined();
  expect(solveTridiagonal({ diagonal, beside }, 1.5, Float64Array.of(1, 1), 1)).toBeDefined();
});
