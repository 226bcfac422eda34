/** @file The ranpac head against its definition. */
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import type { LabeledFeatures } from "../../src/data/dataset.ts";
import { HeadSet, headSetOptions } from "../../src/heads/head-set.ts";
import { DRIFTS } from "../../src/heads/index.ts";
import { ranpac } from "../../src/heads/ranpac.ts";
import { chosenRidge, RIDGES } from "../../src/heads/ridge-choice.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { expectClose, golden } from "../methods/goldens/compare.ts";
import { largestDifference } from "../parity/networks.ts";

const D = 5;
const M = 40;
const none = DRIFTS.find(({ name }) => name === "none")!;

function drawn(name: string, classes: readonly number[], perClass: number): LabeledFeatures {
  const rng = Rng.at("ranpac test", name);
  const labels = Int32Array.from(
    { length: classes.length * perClass },
    (_, i) => classes[i % classes.length]!,
  );
  const features = [...labels].flatMap((label) => {
    const center = Rng.at("center", label);
    return Array.from({ length: D }, () => center.normal() + 0.8 * rng.normal());
  });
  return { features: Float32Array.from(features), labels };
}

function learned(
  tasks: readonly LabeledFeatures[],
  options: Readonly<Record<string, unknown>> = {},
): HeadSet {
  const heads = new HeadSet({
    width: D,
    heads: [ranpac],
    drift: none,
    options: headSetOptions([ranpac], none).parse({ randomFeatures: M, ...options }),
  });
  for (const task of tasks) heads.update(task, undefined);
  return heads;
}

/** relu(F R) as the definition has it. */
function hidden(features: Float32Array): Matrix {
  const rng = Rng.at("ranpac", D, M);
  const r = Matrix.from1DArray(
    D,
    M,
    Array.from({ length: D * M }, () => rng.normal()),
  );
  const h = Matrix.from1DArray(features.length / D, D, [...features]).mmul(r);
  return new Matrix(h.to2DArray().map((row) => row.map((value) => Math.max(value, 0))));
}

const oneHot = (labels: ArrayLike<number>, classes: number): Matrix =>
  new Matrix(Array.from(labels, (label) => Array.from({ length: classes }, (_, k) => Number(k === label))));

const tasks = [drawn("a", [0, 1], 60), drawn("b", [2, 3], 60), drawn("c", [1, 2], 30)];
const test_ = drawn("test", [0, 1, 2, 3], 20);

test("scores are relu(f R) (G + λI)⁻¹ Q over all tasks", () => {
  const h = tasks.map(({ features }) => hidden(features));
  const sum = (all: Matrix[]): Matrix => all.reduce((a, b) => Matrix.add(a, b));
  const g = sum(h.map((rows) => rows.transpose().mmul(rows)));
  const q = sum(h.map((rows, t) => rows.transpose().mmul(oneHot(tasks[t]!.labels, 4))));
  const w = inverse(Matrix.add(g, Matrix.mul(Matrix.eye(M, M), 10))).mmul(q);
  const expected = hidden(test_.features).mmul(w).to1DArray();
  const { ranpac: found } = learned(tasks, { regressionRidge: 10 }).scores(test_.features, 4);
  expect(largestDifference(found!, expected)).toBeLessThan(1e-5);
});

describe("a part of the spectrum", () => {
  const expected = golden("loranpac");
  const train = {
    features: Float32Array.from(expected.train!),
    labels: Int32Array.from({ length: 32 }, (_, i) => i % 4),
  };
  const asked = Float32Array.from(expected.asked!);

  test("gives the scores that torch has by the SVD of the random features", () => {
    const { ranpac: found } = learned([train], { regressionSpectrum: 0.75 }).scores(asked, 4);
    expectClose(found!, expected.scores!, "scores", 1e-5);
  });

  test("whose solution is smaller than that of all of it at a tiny ridge, which rounding drowns", () => {
    const size = (options: Readonly<Record<string, unknown>>): number =>
      Math.hypot(...learned([train], options).scores(asked, 4).ranpac!);
    expect(size({ regressionSpectrum: 0.75 })).toBeLessThan(size({ regressionRidge: 1e-8 }));
  });

  test("in one task or several: the Gram matrix is the same", () => {
    const parts = [0, 1].map((part) => ({
      features: train.features.slice(part * 16 * D, (part + 1) * 16 * D),
      labels: train.labels.slice(part * 16, (part + 1) * 16),
    }));
    const { ranpac: found } = learned(parts, { regressionSpectrum: 0.75 }).scores(asked, 4);
    expectClose(found!, expected.scores!, "scores", 1e-5);
  });
});

test("the order of tasks does not matter at a given ridge", () => {
  const scores = [tasks, tasks.toReversed()].map(
    (all) => learned(all, { regressionRidge: 10 }).scores(test_.features, 4).ranpac!,
  );
  expect(largestDifference(scores[0]!, scores[1]!)).toBeLessThan(1e-6);
});

describe("chosenRidge(fitted, held, m, q)", () => {
  /** Noisy targets, so that neither end of the ridges is best. */
  const rows = (name: string, n: number, m: number) => {
    const rng = Rng.at("rows", name, m);
    const inputs = Float64Array.from({ length: n * m }, () => rng.normal());
    const targets = Float64Array.from({ length: 2 * n }, (_, i) => {
      const row = Math.floor(i / 2);
      return inputs[row * m + (i % 2)]! + inputs[row * m + 2]! + 2 * rng.normal();
    });
    return { inputs, targets };
  };

  test.each([
    [60, 12],
    [20, 45],
  ])("%d rows of width %d: the least squared error among 17, from the definition", (n, m) => {
    const [fitted, held] = [rows("fitted", n, m), rows("held", 30, m)];
    const x = Matrix.from1DArray(n, m, [...fitted.inputs]);
    const y = Matrix.from1DArray(n, 2, [...fitted.targets]);
    const checks = Matrix.from1DArray(30, m, [...held.inputs]);
    const errors = RIDGES.map((ridge) => {
      const plus = (s: Matrix): Matrix =>
        inverse(Matrix.add(s, Matrix.mul(Matrix.eye(s.rows, s.rows), ridge)));
      const w =
        n > m
          ? plus(x.transpose().mmul(x)).mmul(x.transpose()).mmul(y)
          : x
              .transpose()
              .mmul(plus(x.mmul(x.transpose())))
              .mmul(y);
      return Matrix.sub(checks.mmul(w), Matrix.from1DArray(30, 2, [...held.targets]))
        .to1DArray()
        .reduce((sum, value) => sum + value * value, 0);
    });
    const best = RIDGES[errors.indexOf(Math.min(...errors))]!;
    expect(chosenRidge(fitted, held, m, 2)).toBe(best);
    expect(best).toBeGreaterThan(RIDGES[0]!); // not trivially the first
    expect(best).toBeLessThan(RIDGES.at(-1)!);
  });

  test("1e-8 to 1e8 in steps of ten", () => {
    expect(RIDGES).toHaveLength(17);
    expect([RIDGES[0], RIDGES[8], RIDGES[16]]).toEqual([1e-8, 1, 1e8]);
  });
});

test("the ridge is chosen anew in each task, and kept", () => {
  const after = (count: number): number =>
    Number(learned(tasks.slice(0, count)).tensors()["ranpac.ridge"]!.data[0]);
  expect(RIDGES).toContain(after(1));
  const noise = drawn("noise", [4, 5], 40);
  const mixed = { ...noise, labels: noise.labels.map((_, i) => 4 + (Math.floor(i / 7) % 2)) };
  const heads = learned([tasks[0]!, mixed]);
  expect(Number(heads.tensors()["ranpac.ridge"]!.data[0])).toBeGreaterThan(after(1));
  heads.update(drawn("one", [6], 1), undefined); // a single image can't judge: the ridge stays
  expect(Number(heads.tensors()["ranpac.ridge"]!.data[0])).toBeGreaterThan(after(1));
});

test("keeps half of the symmetric Gram matrix and a row a class, in float64", () => {
  const { "ranpac.gram": gram, "ranpac.sums": sums } = learned(tasks).tensors();
  expect([gram!.dtype, gram!.dims, sums!.dims]).toEqual(["float64", [(M * (M + 1)) / 2], [4, M]]);
});

test("fewer images than random features, and features that are all alike, still give finite scores", () => {
  for (const regressionRidge of [1e-8, undefined]) {
    const same = { features: new Float32Array(4 * D).fill(3), labels: Int32Array.of(0, 1, 0, 1) };
    const { ranpac: scores } = learned([drawn("few", [0, 1], 3), same], { regressionRidge }).scores(
      test_.features,
      2,
    );
    expect(scores!.every(Number.isFinite)).toBe(true);
  }
});
