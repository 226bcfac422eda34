/** @file The gaussian head against the formulas in dense matrices. */
import { EigenvalueDecomposition, inverse, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import type { LabeledFeatures } from "../../src/data/dataset.ts";
import type { ClassDirections } from "../../src/heads/class-directions.ts";
import { ClassGaussians } from "../../src/heads/class-gaussians.ts";
import type { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { Discriminant } from "../../src/heads/discriminant.ts";
import { ridge } from "../../src/heads/drift/ridge.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { largestDifference } from "../parity/networks.ts";
import { centered, drawn, learned, OPTIONS, rowsOf } from "./spread-classes.ts";

/** S~ of the statistics. */
function shrunk(statistics: ClassStatistics, shrinkage = OPTIONS.shrinkage): Matrix {
  const d = statistics.width;
  const s = Matrix.from1DArray(d, d, [...statistics.covariance()]);
  return Matrix.add(s, Matrix.mul(Matrix.eye(d, d), (shrinkage * s.trace()) / d));
}

/** Uᵀ R for the `count` leading eigenvectors U of R S~⁻¹ Rᵀ. */
function leading(r: Matrix, s: Matrix, count: number): Matrix {
  const square = r.mmul(inverse(s)).mmul(r.transpose());
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(square, {
    assumeSymmetric: true,
  });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b]! - realEigenvalues[a]!);
  return eigenvectorMatrix.subMatrixColumn(order.slice(0, count)).transpose().mmul(r);
}

/** Q_cᵀ Q_c: signs of directions are free. */
const outer = (q: Matrix): number[] => q.transpose().mmul(q).to1DArray();
const outerOf = (own: ClassDirections, label: number, d: number): number[] =>
  outer(Matrix.from1DArray(own.of(label).length / d, d, [...own.of(label)]));

// 50 images: more than there are dimensions, and fewer.
describe.each([6, 80])("width %d", (d) => {
  const first = drawn("first", d, [0, 1, 2], 50);

  test("directions are Uᵀ O / √n, U being the leading eigenvectors of O S~⁻¹ Oᵀ", () => {
    const { statistics, own } = learned(d, [first]);
    for (const label of [0, 1, 2]) {
      const o = centered(rowsOf(first, label, d));
      const q = leading(o, shrunk(statistics), 4).div(Math.sqrt(50));
      expect(largestDifference(outerOf(own, label, d), outer(q))).toBeLessThan(1e-6);
    }
  });

  test("a class seen again is merged: old directions, new images and the distance of the means", () => {
    const again = drawn("again", d, [1, 3], 30);
    const old = learned(d, [first]);
    const { statistics, own } = learned(d, [first, again]);
    const [before, after] = [rowsOf(first, 1, d), rowsOf(again, 1, d)];
    const gap = Matrix.sub(
      Matrix.rowVector(before.mean("column")),
      Matrix.rowVector(after.mean("column")),
    ).mul(Math.sqrt(50 * 30) / 80);
    const q0 = Matrix.from1DArray(4, d, [...old.own.of(1)]);
    const r = new Matrix([
      ...centered(after).div(Math.sqrt(80)).to2DArray(),
      ...q0.mul(Math.sqrt(50 / 80)).to2DArray(),
      ...gap.to2DArray(),
    ]);
    const q = leading(r, shrunk(statistics), 4);
    expect(largestDifference(outerOf(own, 1, d), outer(q))).toBeLessThan(1e-5);
    expect(own.of(0)).toEqual(old.own.of(0));
  });

  test("scores are the quadratic forms but for what all classes have in common, distances the least of them", () => {
    const { statistics, own } = learned(d, [first, drawn("again", d, [1, 3], 30)]);
    const head = new ClassGaussians(statistics, own, OPTIONS);
    const images = drawn("test", d, [0, 1, 2, 3], 5);
    const scores = head.scores(images.features, 4);
    const distances = head.distances(images.features);
    const { means } = statistics.meanRows();
    const precisions = [0, 1, 2, 3].map((label) => {
      const q = Matrix.from1DArray(own.of(label).length / d, d, [...own.of(label)]);
      return inverse(Matrix.add(Matrix.mul(shrunk(statistics), 0.9), q.transpose().mmul(q).mul(0.1)));
    });
    for (let row = 0; row < 20; row++) {
      const forms = precisions.map((precision, c) => {
        const gap = images.features.subarray(row * d, (row + 1) * d).map((x, i) => x - means[c * d + i]!);
        const x = Matrix.rowVector([...gap]);
        return x.mmul(precision).mmul(x.transpose()).get(0, 0);
      });
      for (let c = 1; c < 4; c++) {
        const expected = -(forms[c]! - forms[0]!) / 2 / head.temperature;
        const found = scores[row * 4 + c]! - scores[row * 4]!;
        expect(Math.abs(found - expected)).toBeLessThan(1e-3 + 1e-5 * Math.abs(expected));
      }
      expect(distances[row]! / (Math.min(...forms) / d)).toBeCloseTo(1, 4);
    }
  });
});

test("without directions, or without weight for them, it decides as LDA does", () => {
  const d = 6;
  const task = drawn("first", d, [0, 1, 2], 50);
  const { features } = drawn("test", d, [0, 1, 2], 100);
  for (const options of [
    { ...OPTIONS, directions: 0 },
    { ...OPTIONS, directionWeight: 0 },
  ]) {
    const { statistics, own } = learned(d, [task], options);
    const [head, lda] = [new ClassGaussians(statistics, own, options), new Discriminant(statistics, 0.1)];
    const found = head.scores(features, 3);
    const expected = lda.scores(features, 3);
    expect(head.temperature / lda.temperature).toBeGreaterThan(0.8);
    expect(head.temperature / lda.temperature).toBeLessThan(1.25);
    for (let row = 0; row < 300; row++) {
      const best = (scores: Float32Array): number => {
        const own = scores.subarray(row * 3, (row + 1) * 3);
        return own.indexOf(Math.max(...own));
      };
      expect(best(found)).toBe(best(expected));
    }
  }
});

test("directions follow an affine drift as if the moved features had been seen", () => {
  const d = 6;
  const options = { ...OPTIONS, shrinkage: 1e-7 }; // a ridge does not turn with the features
  const rng = Rng.at("map");
  const change = Float64Array.from({ length: d * d }, () => 0.2 * rng.normal());
  const drifted = (task: LabeledFeatures): LabeledFeatures => {
    const features = task.features.map((value, i) => {
      const [row, k] = [i - (i % d), i % d];
      let moved = value + 0.3 * k;
      for (let j = 0; j < d; j++) moved += task.features[row + j]! * change[j * d + k]!;
      return moved;
    });
    return { ...task, features };
  };
  const [old, current] = [drawn("old", d, [0, 1], 40), drawn("new", d, [2, 3], 40)];
  const { statistics, own } = learned(d, [old], options);
  const map = ridge.fit(current.features, drifted(current).features, d, { driftRidge: 1e-9 })!;
  statistics.move(map);
  own.move(map);
  const expected = learned(d, [drifted(old)], options);
  for (const label of [0, 1])
    expect(largestDifference(outerOf(own, label, d), outerOf(expected.own, label, d))).toBeLessThan(1e-3);
});

test("tells classes apart that differ by how they spread, where LDA can't", () => {
  const d = 4;
  const spread = (name: string, perClass: number): LabeledFeatures => {
    const rng = Rng.at("spread", name);
    const labels = Int32Array.from({ length: 4 * perClass }, (_, i) => i % 4);
    const features = [...labels].flatMap((label) =>
      Array.from({ length: d }, (_, i) => (i === label ? 6 : 1) * rng.normal()),
    );
    return { features: Float32Array.from(features), labels };
  };
  const { statistics, own } = learned(d, [spread("train", 200)]);
  const images = spread("test", 200);
  const accuracy = (scores: Float32Array): number => {
    const right = images.labels.filter((label, row) => {
      const own = scores.subarray(row * 4, (row + 1) * 4);
      return own.indexOf(Math.max(...own)) === label;
    });
    return right.length / images.labels.length;
  };
  expect(accuracy(new Discriminant(statistics, 0.1).scores(images.features, 4))).toBeLessThan(0.45);
  const head = new ClassGaussians(statistics, own, OPTIONS);
  expect(accuracy(head.scores(images.features, 4))).toBeGreaterThan(0.6);
});

describe("what it says of itself", () => {
  const d = 6;
  const { statistics, own } = learned(d, [drawn("train", d, [0, 1, 2, 3, 4], 400)], {
    ...OPTIONS,
    shrinkage: 1e-4,
  });
  const head = new ClassGaussians(statistics, own, { ...OPTIONS, shrinkage: 1e-4 });

  test("about 1 away from known classes, far from anything else", () => {
    const { features } = drawn("test", d, [0, 1, 2, 3, 4], 200);
    const distances = head.distances(features);
    const mean = distances.reduce((sum, value) => sum + value, 0) / distances.length;
    expect(mean).toBeGreaterThan(0.5);
    expect(mean).toBeLessThan(1.25);
    expect(head.distances(new Float32Array(d).fill(30))[0]).toBeGreaterThan(5);
  });

  test("as sure as it is right", () => {
    const same = { features: new Float32Array(1000 * d), labels: new Int32Array(1000) };
    const rng = Rng.at("own");
    const { means } = statistics.meanRows();
    for (let row = 0; row < 1000; row++) {
      same.labels[row] = row % 5;
      for (let i = 0; i < d; i++) same.features[row * d + i] = means[(row % 5) * d + i]! + 1.2 * rng.normal();
    }
    const flat = learned(d, [same]);
    const sureHead = new ClassGaussians(flat.statistics, flat.own, OPTIONS);
    const scores = sureHead.scores(same.features, 5);
    let [sure, right] = [0, 0];
    for (const [row, label] of same.labels.entries()) {
      const own = [...scores.subarray(row * 5, (row + 1) * 5)];
      const highest = Math.max(...own);
      sure += 1 / own.reduce((sum, score) => sum + Math.exp(score - highest), 0);
      right += Number(own.indexOf(highest) === label);
    }
    expect(Math.abs(sure - right) / 1000).toBeLessThan(0.04);
  });
});
