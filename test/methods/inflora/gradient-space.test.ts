/** @file Spaces and directions against the definition of InfLoRA and DualGPM, step by step with a full SVD. */
import { Matrix, SVD } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { extended, freeDirections, type GradientSpace } from "../../../src/methods/inflora/gradient-space.ts";
import { Rng } from "../../../src/tensor/rng.ts";

const D = 12;

/** Σ x xᵀ / n of inputs that lie mostly in a few directions. */
function moment(rng: Rng, directions: number): Matrix {
  const inputs = Matrix.zeros(40, D);
  for (let i = 0; i < 40; i++)
    for (let j = 0; j < D; j++) inputs.set(i, j, rng.normal() * (j < directions ? 1 : 0.05));
  const mix = new Matrix(Array.from({ length: D }, () => Array.from({ length: D }, () => rng.normal())));
  const x = inputs.mmul(new SVD(mix).leftSingularVectors);
  return x.transpose().mmul(x).div(40);
}

const svd = (m: Matrix): { s: number[]; u: Matrix } => {
  const { diagonal: s, leftSingularVectors: u } = new SVD(m);
  return { s, u };
};
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const energy = (values: readonly number[]): number => sum(values.map((value) => value ** 2));
const columns = (m: Matrix, from: number, to: number): Matrix =>
  new Matrix(m.to2DArray().map((row) => row.slice(from, to)));
const projector = (basis: Matrix): Matrix =>
  basis.columns === 0 ? Matrix.zeros(D, D) : basis.mmul(basis.transpose());
const gap = (a: Matrix, b: Matrix): number => Matrix.sub(a, b).norm("frobenius");

/** One update of the space as it is written down. */
function byDefinition(space: GradientSpace | undefined, c: Matrix, threshold: number): GradientSpace {
  const total = energy(svd(c).s);
  const flipped = (basis: Matrix): GradientSpace => {
    if (2 * basis.columns <= D) return { kind: "remove", basis };
    const all = svd(Matrix.sub(Matrix.eye(D), projector(basis)));
    return { kind: "retain", basis: columns(all.u, 0, D - basis.columns) };
  };
  if (space === undefined) {
    const { s, u } = svd(c);
    let cumulative = 0;
    let r = 0;
    for (const value of s) {
      cumulative += value ** 2 / total;
      if (cumulative < threshold) r++;
    }
    return flipped(columns(u, 0, Math.max(r, 1)));
  }
  const f = projector(space.basis);
  if (space.kind === "remove") {
    const { s, u } = svd(Matrix.sub(c, f.mmul(c)));
    let accumulated = (total - energy(s)) / total;
    let r = 0;
    while (r < D && accumulated < threshold) accumulated += s[r++]! ** 2 / total;
    const both = Matrix.zeros(D, space.basis.columns + r);
    both.setSubMatrix(space.basis, 0, 0);
    if (r > 0) both.setSubMatrix(columns(u, 0, r), 0, space.basis.columns);
    return flipped(both);
  }
  const { s, u } = svd(f.mmul(c));
  let accumulated = energy(s) / total;
  let r = 0;
  while (r < D && accumulated > 1 - threshold) accumulated -= s[r++]! ** 2 / total;
  if (r === 0) return space;
  const rest = Matrix.sub(space.basis, projector(columns(u, 0, r)).mmul(space.basis));
  return { kind: "retain", basis: columns(svd(rest).u, 0, Math.max(space.basis.columns - r, 0)) };
}

describe.each([0.6, 0.9, 0.97])("to an energy of %d", (threshold) => {
  test.each([1, 2, 3])("follows the definition over six tasks, draw %i", (seed) => {
    const rng = Rng.at("spaces", seed);
    let space: GradientSpace | undefined;
    for (let task = 0; task < 6; task++) {
      const c = moment(rng, 3);
      const share = threshold + ((1 - threshold) * task) / 12;
      const expected = byDefinition(space, c, share);
      space = extended(space, c, share);
      expect([space.kind, space.basis.columns]).toEqual([expected.kind, expected.basis.columns]);
      expect(gap(projector(space.basis), projector(expected.basis))).toBeLessThan(1e-6);
      expect(gap(space.basis.transpose().mmul(space.basis), Matrix.eye(space.basis.columns))).toBeLessThan(
        1e-6,
      );
      expect(2 * space.basis.columns).toBeLessThanOrEqual(D);
    }
  });
});

test("directions are the leading left singular vectors of what is free, over √3", () => {
  const rng = Rng.at("directions");
  const [old, c] = [moment(rng, 3), moment(rng, 4)];
  const rank = 3;
  const first = freeDirections(c, undefined, rank);
  const leading = projector(columns(svd(c).u, 0, rank));
  expect(gap(Matrix.mul(first.transpose().mmul(first), 3), leading)).toBeLessThan(1e-6);
  for (const kind of ["remove", "retain"] as const) {
    const basis = columns(svd(old).u, 0, 4);
    const within = projector(basis).mmul(c);
    const free = kind === "remove" ? Matrix.sub(c, within) : within;
    const rows = freeDirections(c, { kind, basis }, rank);
    const expected = projector(columns(svd(free).u, 0, rank));
    expect(gap(Matrix.mul(rows.transpose().mmul(rows), 3), expected)).toBeLessThan(1e-6);
    const avoided = rows.mmul(basis).norm("frobenius");
    if (kind === "remove") expect(avoided).toBeLessThan(1e-6);
    else expect(avoided).toBeCloseTo(Math.sqrt(rank / 3), 6); // all of it is free
  }
});

test("where fewer directions are free than the rank, the rest are zero; nothing is free without a basis", () => {
  const rng = Rng.at("few");
  const c = moment(rng, D);
  const basis = columns(svd(c).u, 0, 2);
  const rows = freeDirections(c, { kind: "retain", basis }, 4);
  expect([2, 3].map((row) => Math.hypot(...rows.getRow(row)))).toEqual([0, 0]);
  expect(gap(Matrix.mul(rows.transpose().mmul(rows), 3), projector(basis))).toBeLessThan(1e-6);
  const none = freeDirections(c, { kind: "retain", basis: new Matrix(D, 0) }, 2);
  expect(none.norm("frobenius")).toBe(0);
  expect(extended({ kind: "retain", basis: new Matrix(D, 0) }, c, 0.99).basis.columns).toBe(0);
});
