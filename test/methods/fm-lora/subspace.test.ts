import fc from "fast-check";
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import {
  asMatrix,
  asTensor,
  canonicalize,
  effectiveRank,
  momentSimilarity,
  moveMoment,
  softProjector,
} from "../../../src/methods/fm-lora/subspace.ts";
import { Rng } from "../../../src/tensor/rng.ts";

const normal = (rng: Rng, rows: number, columns: number, scale = 1): Matrix =>
  new Matrix(Array.from({ length: rows }, () => Array.from({ length: columns }, () => scale * rng.normal())));
/** Eigenvalues of a symmetric matrix, largest first, clipped at zero. */
const spectrum = (symmetric: Matrix): number[] =>
  new EigenvalueDecomposition(symmetric, { assumeSymmetric: true }).realEigenvalues
    .map((value) => Math.max(value, 0))
    .sort((x, y) => y - x);
const distance = (x: Matrix, y: Matrix): number => Matrix.sub(x, y).norm("frobenius");
const seeds = fc.nat(1e6);

/** Symmetric, of rank `rank`. */
const moment = (rng: Rng, r: number, rank = r): Matrix => {
  const half = normal(rng, r, rank);
  return half.mmul(half.transpose());
};

describe("canonicalize({ a, b, core })", () => {
  test.each([
    ["full rank", 4, 4],
    ["a B of rank 2", 4, 2],
    ["rank as large as the layer", 10, 10],
    ["a B of zeros", 4, 0],
    ["rank 1", 1, 1],
  ])("keeps B C A, with orthonormal bases and a sorted diagonal core: %s", (_, r, rankOfB) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const rng = Rng.at(seed);
        const a = normal(rng, r, 10);
        const b =
          rankOfB === 0 ? Matrix.zeros(12, r) : normal(rng, 12, rankOfB).mmul(normal(rng, rankOfB, r));
        const core = normal(rng, r, r);
        const next = canonicalize({ a: asTensor(a), b: asTensor(b), core: asTensor(core) });
        const [newA, newB, newCore] = [asMatrix(next.a), asMatrix(next.b), asMatrix(next.core)];
        const before = b.mmul(core).mmul(a);
        expect(distance(newB.mmul(newCore).mmul(newA), before)).toBeLessThan(
          1e-5 * (1 + before.norm("frobenius")),
        );
        expect(distance(newA.mmul(newA.transpose()), Matrix.eye(r, r))).toBeLessThan(1e-5);
        expect(distance(newB.transpose().mmul(newB), Matrix.eye(r, r))).toBeLessThan(1e-5);
        const diagonal = newCore.diagonal();
        expect(distance(newCore, Matrix.diag(diagonal))).toBe(0);
        expect(diagonal).toEqual([...diagonal].sort((x, y) => y - x));
        expect(diagonal.at(-1)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 20 },
    );
  });
});

describe("softProjector(moment, alpha)", () => {
  test("lies between 0 and the identity, keeps unused directions and damps used ones", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.integer({ min: 1, max: 6 }),
        fc.double({ min: 0.01, max: 10, noNaN: true }),
        (seed, rank, alpha) => {
          const past = moment(Rng.at(seed), 6, rank);
          const projector = softProjector(past, alpha);
          expect(distance(projector, projector.transpose())).toBeLessThan(1e-9);
          const values = spectrum(projector);
          expect(values[0]).toBeLessThanOrEqual(1 + 1e-9);
          expect(values.at(-1)).toBeGreaterThan(0);
          const expected = spectrum(past)
            .map((value) => 1 / (1 + value / ((alpha * past.trace()) / 6)))
            .sort((x, y) => y - x);
          for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i]!, 7);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("does not depend on how many tokens were summed, and is the identity for none", () => {
    const past = moment(Rng.at(3), 5);
    expect(distance(softProjector(past, 0.3), softProjector(Matrix.mul(past, 1e4), 0.3))).toBeLessThan(1e-9);
    expect(softProjector(Matrix.zeros(5, 5), 0.3)).toEqual(Matrix.eye(5, 5));
  });
});

describe("moveMoment(moment, before, after)", () => {
  test("equals the moment computed with the new basis where that only mixes the old one", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const rng = Rng.at(seed);
        const [inputs, old] = [normal(rng, 30, 8), normal(rng, 3, 8)];
        const mix = Matrix.add(Matrix.eye(3, 3), normal(rng, 3, 3, 0.2));
        const next = mix.mmul(old);
        const momentOf = (basis: Matrix): Matrix => {
          const h = inputs.mmul(basis.transpose());
          return h.transpose().mmul(h);
        };
        const expected = momentOf(next);
        const moved = moveMoment(momentOf(old), asTensor(old), asTensor(next));
        expect(distance(moved, expected) / expected.norm("frobenius")).toBeLessThan(1e-4); // bases are float32
      }),
      { numRuns: 30 },
    );
  });

  test("leaves the moment where the basis stays", () => {
    const basis = asTensor(normal(Rng.at(1), 3, 8));
    const past = moment(Rng.at(2), 3);
    expect(distance(moveMoment(past, basis, basis), past)).toBeLessThan(1e-9);
  });
});

describe("effectiveRank(values)", () => {
  test.each([1, 2, 7, 16])("of %i equal values is their number", (r) => {
    expect(effectiveRank(Array.from({ length: r }, () => 3.5))).toBeCloseTo(r, 10);
    expect(effectiveRank(spectrum(Matrix.eye(r, r)))).toBeCloseTo(r, 10);
  });

  test("is between 1 and the number of values, and 0 for none", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const rank = effectiveRank(values);
        const positive = values.filter((value) => value > 0).length;
        expect(rank).toBeGreaterThanOrEqual(Math.min(positive, 1) - 1e-9);
        expect(rank).toBeLessThanOrEqual(positive + 1e-9);
      }),
    );
    expect(effectiveRank([])).toBe(0);
    expect(effectiveRank([0, 0])).toBe(0);
  });
});

test("momentSimilarity is 1 for multiples, 0 for disjoint directions and for nothing", () => {
  const past = moment(Rng.at(5), 4);
  expect(momentSimilarity(past, Matrix.mul(past, 7))).toBeCloseTo(1, 12);
  expect(momentSimilarity(Matrix.diag([1, 0]), Matrix.diag([0, 1]))).toBe(0);
  expect(momentSimilarity(past, Matrix.zeros(4, 4))).toBe(0);
});
