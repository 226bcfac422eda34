/** @file What torch computes for rival methods, and comparison with it. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import type { Backbone } from "../../../src/nn/checkpoint.ts";
import { tinyBackbone } from "../../../src/testing/tiny-backbone.ts";

/** The network of tiny.py. */
export const goldenBackbone: Backbone = tinyBackbone({ width: 16, patchSize: 16, layers: 3 });

/** Tensors by name: made by the script of that name beside this file. */
export const golden = (name: string): Readonly<Record<string, readonly number[]>> =>
  JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), "utf8"));

/** Whether two tensors agree to `tolerance` of the largest number. */
export function expectClose(
  found: ArrayLike<number>,
  expected: readonly number[],
  what: string,
  tolerance = 1e-4,
): void {
  expect(found.length, what).toBe(expected.length);
  const size = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(size, what).toBeGreaterThan(0);
  const gap = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
  expect(gap / size, what).toBeLessThan(tolerance);
}
