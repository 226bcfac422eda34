/** @file What directions of a class keep of its images: nothing of any single one. */
import { describe, expect, test } from "vitest";
import type { LabeledFeatures } from "../../src/data/dataset.ts";
import { ClassDirections } from "../../src/heads/class-directions.ts";
import { gaussian } from "../../src/heads/gaussian.ts";
import { HeadSet } from "../../src/heads/head-set.ts";
import { DRIFTS } from "../../src/heads/index.ts";
import { centered, drawn, learned, OPTIONS, rowsOf } from "./spread-classes.ts";

describe("what it keeps", () => {
  const d = 64; // directions of nearly round classes are those of single images, if anything leads there
  /** Cosine of every direction with the centered features of every image of its class. */
  const cosines = (own: ClassDirections, task: LabeledFeatures, label: number): number[] => {
    const o = centered(rowsOf(task, label, d));
    const q = own.of(label);
    return Array.from({ length: q.length / d }, (_, j) => q.subarray(j * d, (j + 1) * d))
      .filter((direction) => direction.some((value) => value !== 0))
      .flatMap((direction) =>
        o.to2DArray().map((row) => {
          const dot = row.reduce((sum, value, i) => sum + value * direction[i]!, 0);
          return Math.abs(dot) / (Math.hypot(...row) * Math.hypot(...direction));
        }),
      );
  };

  test.each([1, 2, 5, 9])("nothing of a class of %d images", (images) => {
    const task = drawn("few", d, [0, 1, 2], images, 0);
    const { own } = learned(d, [task]);
    for (const label of [0, 1, 2]) expect([...own.of(label)].every((value) => value === 0)).toBe(true);
  });

  test.each([
    [10, 1],
    [19, 1],
    [25, 2],
    [39, 3],
    [60, 4],
  ])("of %d images at most %d directions, none of them an image's features", (images, most) => {
    const task = drawn("some", d, [0, 1, 2], images, 0);
    const { own } = learned(d, [task]);
    for (const label of [0, 1, 2]) {
      const found = cosines(own, task, label);
      expect(found.length).toBeLessThanOrEqual(most * images);
      expect(Math.max(...found)).toBeLessThan(0.8);
    }
  });

  test("an image that stands out of its class is no direction", () => {
    const task = drawn("some", d, [0, 1, 2], 40, 0);
    const features = task.features.slice();
    for (let i = 0; i < d; i++) features[i] = 200 * Math.sin(i + 1);
    const outlying = { ...task, features };
    expect(Math.max(...cosines(learned(d, [outlying]).own, outlying, 0))).toBeLessThan(0.8);
  });

  test("a task with a single image of a known class adds nothing to its directions", () => {
    const task = drawn("some", d, [0, 1, 2], 40, 0);
    const one = drawn("one", d, [0], 1);
    expect(learned(d, [task, one]).own.of(0)).toEqual(learned(d, [task]).own.of(0));
    // Nor does the single first image of a class, by way of the distance of its mean.
    const far = { ...one, features: one.features.map((value) => 50 * value) };
    const gap = far.features.map((value, i) => value - task.features[i]!);
    const { own } = learned(d, [far, task]);
    const direction = own.of(0).subarray(0, d);
    const dot = gap.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    expect(Math.abs(dot) / (Math.hypot(...gap) * Math.hypot(...direction))).toBeLessThan(0.8);
  });

  test.each([
    [3, 0],
    [40, 4],
    [74, 4],
    [75, 5],
    [160, 10],
    [300, 16],
  ])("of %d images %d directions by default, in float32", (images, count) => {
    const heads = new HeadSet({ width: d, heads: [gaussian], drift: DRIFTS[0]!, options: {} });
    heads.update(drawn("some", d, [0, 1, 2], images, 0), undefined);
    const { "gaussian.directions": kept } = heads.tensors();
    expect([kept!.dtype, kept!.dims]).toEqual(["float32", [3, count, d]]);
  });

  test("of a class that comes in parts as many as its images allow in all, but no part brings more than its own do", () => {
    const parts = ["one", "two", "three", "four"].map((name) => drawn(name, d, [0, 1, 2], 40, 0));
    const counts = parts.map((_, last) => learnedFreely(d, parts.slice(0, last + 1)).most);
    expect(counts).toEqual([4, 5, 8, 10]);
    const small = drawn("small", d, [0, 1, 2], 12, 0);
    expect(learnedFreely(d, [drawn("first", d, [0, 1, 2], 300, 0), small]).most).toBe(16);
    expect(learnedFreely(d, [small, drawn("then", d, [0, 1, 2], 25, 0)]).most).toBe(3);
  });

  test("classes of few images have rows of zeros beside those of many, and are read back without", () => {
    const many = drawn("many", d, [0], 100, 0);
    const few = drawn("few", d, [1, 2], 20, 0);
    const own = learnedFreely(d, [many, few]);
    expect([0, 1, 2].map((label) => own.of(label).length / d)).toEqual([6, 2, 2]);
    const tensors = own.tensors("gaussian.");
    expect(tensors["gaussian.directions"]!.dims).toEqual([3, 6, d]);
    const again = new ClassDirections(d);
    again.load(tensors, "gaussian.");
    for (const label of [0, 1, 2])
      expect(again.of(label)).toEqual(new Float64Array(Float32Array.from(own.of(label))));
  });
});

const learnedFreely = (width: number, tasks: readonly LabeledFeatures[]): ClassDirections =>
  learned(width, tasks, { ...OPTIONS, directions: undefined }).own;
