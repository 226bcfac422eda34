import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blurry } from "../../src/data/blurry.ts";
import type { Sample } from "../../src/data/dataset.ts";
import { classIncremental, domainIncremental, type TaskStream } from "../../src/data/stream.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { toyDataset } from "./toy-dataset.ts";

const ids = (samples: readonly Sample[]): string[] => samples.map(({ id }) => id).sort();

/** Training images of every class by task: [class][task]. */
function counts({ tasks, classNames, position }: TaskStream): number[][] {
  const table = classNames.map(() => tasks.map(() => 0));
  for (const task of tasks) for (const { label } of task.train) table[position[label]!]![task.index]!++;
  return table;
}

const shapes = fc
  .record({ classes: fc.integer({ min: 2, max: 40 }), trainPerClass: fc.integer({ min: 1, max: 30 }) })
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      tasks: fc.integer({ min: 1, max: shape.classes }),
      disjoint: fc.integer({ min: 0, max: 100 }),
      scattered: fc.integer({ min: 0, max: 60 }),
      seed: fc.nat(),
    }),
  )
  .map(({ shape, tasks, ...options }) => ({
    options,
    plain: classIncremental(toyDataset({ ...shape, testPerClass: 2 }), { tasks }),
  }));

/** Streams that can be blurred so: of a class with one image, that image may be dealt away. */
const streams = shapes.filter(({ plain, options }) => {
  try {
    blurry(plain, options);
    return true;
  } catch {
    return false;
  }
});

describe("blurry(stream, { disjoint, scattered, seed })", () => {
  test("uses every training and test image exactly once", () => {
    fc.assert(
      fc.property(streams, ({ plain, options }) => {
        const { tasks, dataset } = blurry(plain, options);
        expect(ids(tasks.flatMap((task) => task.train))).toEqual(ids(dataset.train));
        expect(ids(tasks.flatMap((task) => task.test))).toEqual(ids(dataset.test));
      }),
    );
  });

  test("lets the disjoint share of classes come in one task, and scatters the asked share of the others", () => {
    fc.assert(
      fc.property(streams, ({ plain, options }) => {
        const stream = blurry(plain, options);
        const majors = counts(plain).map((row) => row.findIndex((count) => count > 0));
        const others = plain.tasks.length - 1;
        const whole = counts(stream).map((row, place) => {
          const total = row.reduce((sum, count) => sum + count, 0);
          const away = total - row[majors[place]!]!;
          if (away > 0) {
            expect(away).toBe(Math.round((total * options.scattered) / 100));
            const dealt = row.filter((_, task) => task !== majors[place]);
            expect(Math.max(...dealt) - Math.min(...dealt)).toBeLessThanOrEqual(1);
          }
          return away === 0;
        });
        const disjoint = Math.round((plain.classNames.length * options.disjoint) / 100);
        const scatters =
          others > 0 && Math.round((counts(plain)[0]!.reduce((a, b) => a + b) * options.scattered) / 100) > 0;
        expect(whole.filter((value) => value)).toHaveLength(scatters ? disjoint : plain.classNames.length);
        // In every task the share of disjoint classes is the asked one, within one class.
        if (!scatters) return;
        for (const task of plain.tasks) {
          const own = task.classes.filter((place) => whole[place]).length;
          expect(Math.abs(own - (task.classes.length * disjoint) / plain.classNames.length)).toBeLessThan(1);
        }
      }),
    );
  });

  test("says which classes come, and tests a class from the task on in which it first comes", () => {
    fc.assert(
      fc.property(streams, ({ plain, options }) => {
        const stream = blurry(plain, options);
        const table = counts(stream);
        for (const task of stream.tasks) {
          expect(task.classes).toEqual([...table.keys()].filter((place) => table[place]![task.index]! > 0));
          const first = task.classes.filter((place) => table[place]!.findIndex((n) => n > 0) === task.index);
          const tested = new Set(task.test.map(({ label }) => stream.position[label]!));
          expect([...tested].sort((a, b) => a - b)).toEqual(first);
        }
      }),
    );
  });

  test("is the same for the same seed, another for another, and the plain stream for 100,0", () => {
    const plain = classIncremental(toyDataset({ classes: 20, trainPerClass: 20 }), { tasks: 5 });
    const options = { disjoint: 50, scattered: 10, seed: 1 };
    const trained = (stream: TaskStream): string[][] => stream.tasks.map((task) => ids(task.train));
    expect(trained(blurry(plain, options))).toEqual(trained(blurry(plain, options)));
    expect(trained(blurry(plain, { ...options, seed: 2 }))).not.toEqual(trained(blurry(plain, options)));
    expect(blurry(plain, { disjoint: 100, scattered: 0, seed: 1 }).tasks).toEqual(plain.tasks);
  });

  test("works out by hand: 4 classes of 10 images, 2 tasks, n50 m10", () => {
    const plain = classIncremental(toyDataset({ classes: 4, trainPerClass: 10, testPerClass: 1 }), {
      tasks: 2,
      orderSeed: null,
    });
    const stream = blurry(plain, { disjoint: 50, scattered: 10, seed: 3 });
    expect(counts(stream)).toEqual([
      [9, 1],
      [10, 0],
      [1, 9],
      [0, 10],
    ]);
    expect(stream.protocol).toBe("class-incremental, i-Blurry n50 m10");
    expect(stream.tasks.map((task) => task.classes)).toEqual([
      [0, 1, 2],
      [0, 2, 3],
    ]);
    expect(stream.tasks.map((task) => task.test.map(({ label }) => label))).toEqual([[0, 1, 2], [3]]);
  });

  test("keeps validation images with their class", () => {
    const plain = classIncremental(toyDataset({ classes: 4, trainPerClass: 10 }), {
      tasks: 2,
      validationPerClass: 2,
    });
    const { tasks } = blurry(plain, { disjoint: 0, scattered: 50, seed: 3 });
    expect(tasks.map((task) => task.validation.length)).toEqual([8, 0]);
    expect(ids(tasks.flatMap((task) => task.validation))).toEqual(
      ids(plain.tasks.flatMap((task) => task.validation)),
    );
  });

  test("refuses what is no percentage, what leaves a task empty, and domain streams", () => {
    const plain = classIncremental(toyDataset({ classes: 4, trainPerClass: 1 }), { tasks: 4 });
    const options = { disjoint: 0, scattered: 10, seed: 1 };
    expect(() => blurry(plain, { ...options, scattered: 101 })).toThrow(
      new InputError("blurry: scattered is 101; expected a percentage, 0 to 100"),
    );
    expect(() => blurry(plain, { ...options, disjoint: Number.NaN })).toThrow(/disjoint is NaN/);
    const two = classIncremental(toyDataset({ classes: 2, trainPerClass: 4 }), { tasks: 1 });
    expect(blurry(two, { ...options, scattered: 100 }).tasks[0]!.train).toHaveLength(8);
    const uneven = toyDataset({ classes: 2, trainPerClass: 4 });
    const lonely = classIncremental(
      { ...uneven, train: uneven.train.filter(({ label, id }) => label === 0 || id.endsWith("/0")) },
      { tasks: 2, orderSeed: null },
    );
    expect(() => blurry(lonely, { disjoint: 50, scattered: 100, seed: 1 })).toThrow(
      /with `blurry: \[50,100\]` "task 1" has no training image; lower the second number/,
    );
    const domains = domainIncremental(toyDataset({ classes: 2, domains: 2, trainPerClass: 2 }));
    expect(() => blurry(domains, options)).toThrow(/only class-incremental streams can be blurry/);
  });
});
