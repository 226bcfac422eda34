import fc from "fast-check";
import { inverse, Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { ClassStatistics } from "../../src/heads/class-statistics.ts";
import { Discriminant } from "../../src/heads/discriminant.ts";
import { ridge } from "../../src/heads/drift/ridge.ts";
import { linearScores } from "../../src/heads/linear-classifier.ts";
import { Rng } from "../../src/tensor/rng.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/tensor/safetensors.ts";
import { largestDifference } from "../parity/networks.ts";

const D = 5;
interface Rows {
  readonly features: Float32Array;
  readonly labels: Int32Array;
}

/** Features of each label around a center of its own, with one common, uneven spread. */
function rowsAt(seed: number, labels: readonly number[]): Rows {
  const rng = Rng.at("features", seed);
  const features = labels.flatMap((label) => {
    const center = Rng.at("center", label);
    return Array.from({ length: D }, (_, k) => 3 * center.normal() + (0.3 + 0.2 * k) * rng.normal());
  });
  return { features: Float32Array.from(features), labels: Int32Array.from(labels) };
}

const part = ({ features, labels }: Rows, from: number, to: number): Rows => ({
  features: features.slice(from * D, to * D),
  labels: labels.slice(from, to),
});

function statisticsOf(...tasks: readonly Rows[]): ClassStatistics {
  const statistics = new ClassStatistics(D);
  for (const task of tasks) statistics.add(task, { betweenScatter: true });
  return statistics;
}

/** Moves the statistics by the ridge map fitted on features before and after. */
function compensate(
  statistics: ClassStatistics,
  before: Float32Array,
  after: Float32Array,
  driftRidge: number,
) {
  const map = ridge.fit(before, after, D, { driftRidge });
  if (map !== undefined) statistics.move(map);
}

const labelLists = fc.array(fc.nat(3), { minLength: 2, maxLength: 40 });

describe("add(features, options)", () => {
  test("in parts equals all in one go, where a class comes again too", () => {
    fc.assert(
      fc.property(
        fc.nat(1000),
        labelLists,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (seed, labels, share) => {
          const all = rowsAt(seed, labels);
          const cut = Math.floor(share * labels.length);
          const parts = statisticsOf(part(all, 0, cut), part(all, cut, labels.length));
          const whole = statisticsOf(all);
          expect(parts.classes).toEqual(whole.classes);
          expect(largestDifference(parts.meanRows().means, whole.meanRows().means)).toBeLessThan(1e-9);
          expect(largestDifference(parts.covariance(), whole.covariance())).toBeLessThan(1e-9);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("does not depend on the order of the rows", () => {
    const all = rowsAt(1, [0, 1, 1, 2, 0, 2, 1, 0]);
    const order = [5, 2, 7, 0, 3, 6, 1, 4];
    const shuffled = {
      features: Float32Array.from(order.flatMap((row) => [...all.features.slice(row * D, (row + 1) * D)])),
      labels: Int32Array.from(order, (row) => all.labels[row]!),
    };
    expect(
      largestDifference(statisticsOf(shuffled).covariance(), statisticsOf(all).covariance()),
    ).toBeLessThan(1e-9);
  });

  test("means and within-class covariance of a worked example", () => {
    const statistics = new ClassStatistics(2);
    const features = Float32Array.of(1, 0, 3, 0, 10, 4, 10, 8);
    statistics.add({ features, labels: Int32Array.of(4, 4, 2, 2) }, { betweenScatter: true });
    expect(statistics.meanRows()).toEqual({ classes: [2, 4], means: Float64Array.of(10, 6, 2, 0) });
    expect([...statistics.covariance()]).toEqual([1, 0, 0, 4]); // scatter diag(2, 8) over 4 - 2
  });

  test("without between-class scatter a class seen again adds its own spread alone", () => {
    const [first, again] = [rowsAt(1, [0, 0, 0]), rowsAt(2, [0, 0, 0])];
    const moved = { ...again, features: again.features.map((value) => value + 10) };
    const of = (betweenScatter: boolean): Float64Array => {
      const statistics = statisticsOf(first);
      statistics.add(moved, { betweenScatter });
      return statistics.covariance();
    };
    const own = statisticsOf(first, { ...moved, labels: Int32Array.of(1, 1, 1) }).covariance(); // over 6 - 2
    expect(
      largestDifference(
        of(false),
        own.map((value) => (value * 4) / 5),
      ),
    ).toBeLessThan(1e-9);
    expect(of(true)[0]).toBeGreaterThan(10 * of(false)[0]!);
  });
});

describe("move(the ridge map of before and after)", () => {
  /** f -> M f + t, close to the identity as a drift is. */
  const drift = (features: Float32Array, seed: number): Float32Array => {
    const rng = Rng.at("drift", seed);
    const m = Matrix.add(
      Matrix.eye(D, D),
      new Matrix(Array.from({ length: D }, () => Array.from({ length: D }, () => 0.2 * rng.normal()))),
    );
    const shift = Array.from({ length: D }, () => rng.normal());
    const rows = Matrix.from1DArray(features.length / D, D, features as unknown as number[]).mmul(m);
    return Float32Array.from(rows.addRowVector(shift).to1DArray());
  };

  test("recovers an affine drift of old classes from images of other ones", () => {
    fc.assert(
      fc.property(fc.nat(1000), (seed) => {
        const old = rowsAt(
          seed,
          Array.from({ length: 60 }, (_, i) => i % 3),
        );
        const current = rowsAt(
          seed + 1,
          Array.from({ length: 60 }, (_, i) => 3 + (i % 3)),
        );
        const statistics = statisticsOf(old);
        compensate(statistics, current.features, drift(current.features, seed), 1e-6);
        const expected = statisticsOf({ ...old, features: drift(old.features, seed) });
        expect(largestDifference(statistics.meanRows().means, expected.meanRows().means)).toBeLessThan(1e-3);
        expect(largestDifference(statistics.covariance(), expected.covariance())).toBeLessThan(1e-3);
      }),
      { numRuns: 20 },
    );
  });

  test("with a large ridge moves every mean by the mean change and leaves the covariance", () => {
    const statistics = statisticsOf(rowsAt(1, [0, 0, 1, 1, 1]));
    const { means } = statistics.meanRows();
    const covariance = statistics.covariance();
    const { features } = rowsAt(2, [2, 2, 3, 3]);
    const after = features.map((value, i) => value + (i % D));
    compensate(statistics, features, after, 1e9);
    expect(
      largestDifference(
        statistics.meanRows().means,
        means.map((value, i) => value + (i % D)),
      ),
    ).toBeLessThan(1e-5);
    expect(largestDifference(statistics.covariance(), covariance)).toBeLessThan(1e-6);
  });

  test("changes nothing where features did not move, there are none, or no class is known", () => {
    const statistics = statisticsOf(rowsAt(1, [0, 0, 1, 1, 1]));
    const before = statistics.tensors("");
    const { features } = rowsAt(2, [2, 2, 3, 3]);
    compensate(statistics, features, features, 1);
    compensate(statistics, new Float32Array(), new Float32Array(), 1);
    expect(statistics.tensors("")).toEqual(before);
    const none = new ClassStatistics(D);
    compensate(none, features, features, 1);
    expect(none.classes).toEqual([]);
  });

  test("one image moves the statistics by a finite amount", () => {
    const statistics = statisticsOf(rowsAt(1, [0, 0, 1, 1, 1]));
    const { features } = rowsAt(2, [2]);
    compensate(
      statistics,
      features,
      features.map((value) => value + 1),
      1,
    );
    for (const value of [...statistics.meanRows().means, ...statistics.covariance()])
      expect(Number.isFinite(value)).toBe(true);
  });
});

test("the covariance stays symmetric to the last bit: LDA factorizes it, and rounding must not stop a run", () => {
  fc.assert(
    fc.property(fc.nat(1000), (seed) => {
      const [first, again] = [rowsAt(seed, [0, 1, 1, 2, 0, 2]), rowsAt(seed + 1, [2, 0, 1, 3, 3])];
      const after = again.features.map((value, i) => 0.9 * value + 0.1 * again.features[(i * 7) % 25]!);
      const [moved, merged] = [statisticsOf(first), statisticsOf(first, again)];
      compensate(moved, again.features, after, 1);
      for (const covariance of [moved.covariance(), merged.covariance()])
        for (let i = 0; i < D; i++)
          for (let j = 0; j < i; j++) expect(covariance[i * D + j]).toBe(covariance[j * D + i]);
    }),
    { numRuns: 50 },
  );
});

describe("tensors(prefix) and from(tensors, prefix)", () => {
  test("survive a file; a second trip changes nothing", () => {
    const statistics = statisticsOf(rowsAt(3, [7, 2, 2, 7, 5]));
    const trip = (from: ClassStatistics): ClassStatistics =>
      ClassStatistics.from(decodeSafetensors(encodeSafetensors(from.tensors("s.")), "f").tensors, "s.");
    const once = trip(statistics);
    expect(once.classes).toEqual([2, 5, 7]);
    expect(largestDifference(once.meanRows().means, statistics.meanRows().means)).toBeLessThan(1e-5);
    expect(trip(once).tensors("s.")).toEqual(once.tensors("s."));
    const again = { features: rowsAt(4, [5]).features, labels: Int32Array.of(5) }; // counts survived too
    once.add(again, { betweenScatter: true });
    statistics.add(again, { betweenScatter: true });
    expect(largestDifference(once.meanRows().means, statistics.meanRows().means)).toBeLessThan(1e-5);
  });

  test("hold for no class at all", () => {
    expect(ClassStatistics.from(new ClassStatistics(D).tensors(""), "").classes).toEqual([]);
  });
});

describe("classifiers", () => {
  test("LDA scores are w_c = (S + 0.1 mean diagonal I)⁻¹ mean_c over one temperature", () => {
    const rows = rowsAt(
      5,
      Array.from({ length: 40 }, (_, i) => i % 4),
    );
    const statistics = statisticsOf(rows);
    const lda = new Discriminant(statistics, 0.1);
    const s = Matrix.from1DArray(D, D, [...statistics.covariance()]);
    const ridge = Matrix.mul(Matrix.eye(D, D), (0.1 * s.trace()) / D);
    const precision = inverse(Matrix.add(s, ridge));
    const { classes, means } = statistics.meanRows();
    const m = Matrix.from1DArray(classes.length, D, [...means]);
    const w = m.mmul(precision);
    const expected = Array.from({ length: rows.labels.length }, (_, row) =>
      classes.map((_, c) => {
        const f = [...rows.features.slice(row * D, (row + 1) * D)];
        const score = f.reduce((sum, value, k) => sum + w.get(c, k) * (value - m.get(c, k) / 2), 0);
        return score / lda.temperature;
      }),
    ).flat();
    const scores = lda.scores(rows.features, 4);
    expect(largestDifference(scores, expected)).toBeLessThan(1e-4 * Math.max(...expected.map(Math.abs)));
    expect(lda.temperature).toBeGreaterThan(0);
  });

  test("linearScores puts scores at their class and leaves unknown classes at minus infinity", () => {
    const classifier = {
      classes: [3, 1],
      weight: Float64Array.of(1, 0, 0, 2),
      bias: Float64Array.of(0.5, 0),
    };
    const none = Number.NEGATIVE_INFINITY;
    const scores = linearScores(classifier, Float32Array.of(1, 2, 3, 4), 2, 5);
    expect([...scores]).toEqual([none, 4, none, 1.5, none, none, 8, none, 3.5, none]);
  });
});
