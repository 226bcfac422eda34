/** @file Prototypes and scores of EASE against their definition, with a mean for every class and adapter written out. */
import { expect, test } from "vitest";
import { TaskPrototypes } from "../../../src/methods/ease/prototypes.ts";
import { Rng } from "../../../src/tensor/rng.ts";
import { dot, meanRow, type Rows, unit } from "../../support/plain-vit.ts";

const D = 4;
const rng = Rng.at("prototypes");
/** f(image, adapter): any numbers do. */
const image = (): number[][] =>
  Array.from({ length: 3 }, () => Array.from({ length: D }, () => rng.normal()));
const images = [0, 1, 2, 3, 4, 5].map(() => [image(), image(), image()]);

/** Features of classes under the first `adapters` adapters. */
const seen = (classes: readonly number[], adapters: number, which = [0, 1, 2]) => ({
  features: Float32Array.from(
    classes.flatMap((c) => which.flatMap((i) => images[c]![i]!.slice(0, adapters).flat())),
  ),
  labels: Int32Array.from(classes.flatMap((c) => which.map(() => c))),
});
const mean = (c: number, b: number, which = [0, 1, 2]): number[] =>
  meanRow(which.map((i) => images[c]![i]![b]!));
const cosine = (x: readonly number[], y: readonly number[]): number => dot(unit(x), unit(y));

/** Σ_j softmax_j cos(P[c, a], P[j, a]) P[j, b]. */
function mixed(c: number, a: number, b: number, newer: readonly number[]): number[] {
  const weights = newer.map((j) => Math.exp(cosine(mean(c, a), mean(j, a))));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from({ length: D }, (_, i) =>
    newer.reduce((sum, j, at) => sum + (weights[at]! / total) * mean(j, b)[i]!, 0),
  );
}

test("three tasks of two classes: own adapters first, others by α, missing means mixed of newer classes", () => {
  const prototypes = new TaskPrototypes(D);
  prototypes.add(seen([0, 1], 1), 1);
  prototypes.add(seen([2, 3], 2), 2);
  prototypes.add(seen([4, 5], 3), 3);
  const own = [0, 0, 1, 1, 2, 2];
  const table: Rows[] = own.map((a, c) =>
    [0, 1, 2].map((b) => (b <= a ? mean(c, b) : mixed(c, a, b, b === 1 ? [2, 3, 4, 5] : [4, 5]))),
  );
  const asked = image();
  const scores = prototypes.scores(Float32Array.from(asked.flat()), 3, 7, 0.1);
  for (const [c, a] of own.entries()) {
    const terms = [0, 1, 2].map((b) => (b === a ? 1 : 0.1 / 2) * cosine(asked[b]!, table[c]![b]!));
    expect(scores[c]).toBeCloseTo(terms[0]! + terms[1]! + terms[2]!, 5);
  }
  expect(scores[6]).toBe(Number.NEGATIVE_INFINITY);
  const fresh = new TaskPrototypes(D);
  fresh.load(prototypes.tensors(3));
  expect(
    [...fresh.scores(Float32Array.from(asked.flat()), 3, 7, 0.1)].map((score) => score.toFixed(5)),
  ).toEqual([...scores].map((score) => score.toFixed(5)));
});

test("a class that comes again joins its means by counts and is measured under the new adapter", () => {
  const prototypes = new TaskPrototypes(D);
  prototypes.add(seen([0, 1], 1, [0, 1]), 1);
  prototypes.add(seen([1], 2, [2]), 2);
  const {
    "prototypes.counts": counts,
    "prototypes.means": means,
    "prototypes.own": own,
  } = prototypes.tensors(2);
  expect([...counts!.data]).toEqual([2, 0, 3, 1]);
  expect([...own!.data]).toEqual([0, 0]);
  const rows = [...means!.data].map(Number);
  for (const [i, value] of mean(1, 0).entries()) expect(rows[2 * D + i]).toBeCloseTo(value, 5);
  for (const [i, value] of mean(1, 1, [2]).entries()) expect(rows[3 * D + i]).toBeCloseTo(value, 5);
  expect(rows.slice(D, 2 * D)).toEqual([0, 0, 0, 0]);
});
