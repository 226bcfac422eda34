/** @file Temperatures that are kept: taken as they are while nothing changes, fitted anew once something does. */
import { expect, test } from "vitest";
import { ridge } from "../../src/heads/drift/ridge.ts";
import { gaussian } from "../../src/heads/gaussian.ts";
import { HeadSet, headSetOptions } from "../../src/heads/head-set.ts";
import { lda } from "../../src/heads/lda.ts";
import { ncm } from "../../src/heads/ncm.ts";
import { drawn } from "./spread-classes.ts";

const D = 6;
const first = drawn("first", D, [0, 1, 2], 40);

test.each([lda, gaussian])("$name", (head) => {
  const heads = [head, ncm];
  const options = headSetOptions(heads, ridge).parse({});
  const fresh = (): HeadSet => new HeadSet({ width: D, heads, drift: ridge, options });
  const known = fresh();
  expect(known.temperatures).toEqual({});
  known.update(first, undefined);
  const temperatures = known.temperatures;
  const scoresOf = (set: HeadSet): Float32Array => set.scores(first.features, 3)[head.name]!;

  const opened = fresh();
  opened.load(known.tensors(), temperatures);
  expect(opened.temperatures).toEqual(temperatures);
  expect(scoresOf(opened)).toEqual(scoresOf(known));

  const doubled = fresh();
  doubled.load(known.tensors(), { [head.name]: 2 * temperatures[head.name]! });
  expect(scoresOf(doubled)).toEqual(scoresOf(known).map((score) => score / 2));
  doubled.update(drawn("second", D, [3], 40), undefined);
  known.update(drawn("second", D, [3], 40), undefined);
  expect(doubled.temperatures).toEqual(known.temperatures);
  doubled.load(known.tensors());
  expect(doubled.temperatures).toEqual(known.temperatures);
});

test("a head that doesn't calibrate keeps none", () => {
  const set = new HeadSet({ width: D, heads: [ncm], drift: ridge, options: {} });
  set.update(first, undefined);
  expect(set.temperatures).toEqual({});
});
