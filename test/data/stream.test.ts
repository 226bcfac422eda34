import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type ClassIncrementalOptions,
  classIncremental,
  domainIncremental,
  firstTasks,
} from "../../src/data/stream.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { toyDataset } from "./toy-dataset.ts";

const ids = (samples: readonly { readonly id: string }[]): string[] => samples.map(({ id }) => id);

describe("classIncremental(dataset, options)", () => {
  test("cuts the classes into equal tasks and gives the last one what is left over", () => {
    const stream = classIncremental(toyDataset({ classes: 10, trainPerClass: 1 }), { tasks: 3 });
    expect(stream.tasks.map((task) => task.classes)).toEqual([
      [0, 1, 2],
      [3, 4, 5],
      [6, 7, 8, 9],
    ]);
  });

  test.each<[string, ClassIncrementalOptions, number[]]>([
    ["B0 Inc3", { increment: 3 }, [3, 3, 3, 1]],
    ["B0 Inc3, written out", { initialClasses: 0, increment: 3 }, [3, 3, 3, 1]],
    ["B4 Inc2", { initialClasses: 4, increment: 2 }, [4, 2, 2, 2]],
    ["all classes at first", { initialClasses: 10, increment: 2 }, [10]],
  ])("%s", (_, options, sizes) => {
    const stream = classIncremental(toyDataset({ classes: 10, trainPerClass: 1 }), options);
    expect(stream.tasks.map((task) => task.classes.length)).toEqual(sizes);
  });

  test("orders classes by NumPy's shuffle with seed 1993 unless told otherwise", () => {
    const dataset = toyDataset({ classes: 100, trainPerClass: 1 });
    const stream = classIncremental(dataset, { tasks: 10 });
    expect(stream.classNames.slice(0, 3)).toEqual(["class-68", "class-56", "class-78"]);
    expect(stream.position[68]).toBe(0);
    expect(stream.tasks[0]!.train[0]!.label).toBe(68);
    expect(classIncremental(dataset, { tasks: 10, orderSeed: null }).classNames).toEqual(dataset.classNames);
  });

  test("every class, and every image of it, is in exactly one task, in natural task order", () => {
    const shapes = fc
      .record({ classes: fc.integer({ min: 1, max: 40 }), trainPerClass: fc.integer({ min: 1, max: 4 }) })
      .chain((shape) =>
        fc.record({
          shape: fc.constant(shape),
          seed: fc.option(fc.nat()),
          options: fc.oneof(
            fc.record({ tasks: fc.integer({ min: 1, max: shape.classes }) }),
            fc.record({
              initialClasses: fc.integer({ min: 0, max: shape.classes }),
              increment: fc.integer({ min: 1, max: shape.classes }),
            }),
          ),
        }),
      );
    fc.assert(
      fc.property(shapes, ({ shape, seed, options }) => {
        const dataset = toyDataset(shape);
        const { tasks, position } = classIncremental(dataset, { ...options, orderSeed: seed });
        expect(tasks.flatMap((task) => task.classes)).toEqual(dataset.classNames.map((_, place) => place));
        expect(tasks.map((task) => task.index)).toEqual(tasks.map((_, index) => index));
        for (const use of ["train", "test"] as const) {
          expect(tasks.flatMap((task) => ids(task[use])).sort()).toEqual(ids(dataset[use]).sort());
          for (const task of tasks) {
            expect(task[use].every(({ label }) => task.classes.includes(position[label]!))).toBe(true);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("takes the first images of a class in file order, and of these the last for validation", () => {
    const dataset = toyDataset({ classes: 2, trainPerClass: 6, testPerClass: 3 });
    const [task] = classIncremental(dataset, {
      tasks: 2,
      orderSeed: null,
      limitPerClass: 4,
      validationPerClass: 1,
      testLimitPerClass: 2,
    }).tasks;
    expect(ids(task!.train)).toEqual(["train/0/0/0", "train/0/0/1", "train/0/0/2"]);
    expect(ids(task!.validation)).toEqual(["train/0/0/3"]);
    expect(ids(task!.test)).toEqual(["test/0/0/0", "test/0/0/1"]);
  });

  test.each<[ClassIncrementalOptions, RegExp]>([
    [{ tasks: 11 }, /`tasks: 11`: the 10 classes of toy are too few/],
    [{ tasks: 0 }, /`tasks: 0`: expected a whole number, 1 or more/],
    [{ tasks: 2.5 }, /`tasks: 2.5`/],
    [{}, /give either `tasks`, or `increment`/],
    [{ tasks: 2, increment: 5 }, /give either `tasks`, or `increment`/],
    [{ tasks: 2, initialClasses: 5 }, /give either `tasks`, or `increment`/],
    [{ initialClasses: 11, increment: 1 }, /first task would get 11 classes/],
    [{ increment: 11 }, /first task would get 11 classes/],
    [{ tasks: 2, limitPerClass: 2, validationPerClass: 2 }, /leaves no image to train on/],
    [{ tasks: 2, limitPerClass: 0 }, /`limitPerClass: 0`/],
    [
      { tasks: 2, validationPerClass: 5 },
      /class "class-\d" has 5 training images, and `validationPerClass: 5` leaves none/,
    ],
    [{ tasks: 2, validationPerClass: -1 }, /`validationPerClass: -1`/],
  ])("refuses %o", (options, message) => {
    const make = () => classIncremental(toyDataset({ classes: 10, trainPerClass: 5 }), options);
    expect(make).toThrow(InputError);
    expect(make).toThrow(message);
  });

  test("refuses a class without training images, and a task without test images", () => {
    const dataset = toyDataset({ classes: 3, trainPerClass: 1 });
    expect(() =>
      classIncremental({ ...dataset, train: dataset.train.filter(({ label }) => label !== 1) }, { tasks: 3 }),
    ).toThrow(/"class-1" has no training image/);
    expect(() =>
      classIncremental(
        { ...dataset, test: dataset.test.filter(({ label }) => label !== 1) },
        { tasks: 3, orderSeed: null },
      ),
    ).toThrow(/"task 2" has no test image/);
  });
});

describe("domainIncremental(dataset, options)", () => {
  const dataset = toyDataset({ classes: 3, domains: 3, trainPerClass: 4, testPerClass: 2 });

  test("makes one task a domain, with all classes, in the data set's order", () => {
    const stream = domainIncremental(dataset);
    expect(stream.tasks.map(({ name }) => name)).toEqual(["domain-0", "domain-1", "domain-2"]);
    expect(stream.position).toEqual([0, 1, 2]);
    for (const task of stream.tasks) {
      expect(task.classes).toEqual([0, 1, 2]);
      expect([...task.train, ...task.test].every(({ domain }) => domain === task.index)).toBe(true);
      expect([task.train.length, task.test.length]).toEqual([12, 6]);
    }
  });

  test("limits images by class and domain", () => {
    const { tasks } = domainIncremental(dataset, { limitPerClass: 3, validationPerClass: 1 });
    expect(tasks.map(({ train, validation }) => [train.length, validation.length])).toEqual([
      [6, 3],
      [6, 3],
      [6, 3],
    ]);
    expect(ids(tasks[1]!.validation)).toEqual(["train/1/0/2", "train/1/1/2", "train/1/2/2"]);
  });

  test("takes domains by name, or shuffles them", () => {
    const named = domainIncremental(dataset, { domains: ["domain-2", "domain-0"] });
    expect(named.tasks.map(({ name }) => name)).toEqual(["domain-2", "domain-0"]);
    const many = domainIncremental(toyDataset({ classes: 1, domains: 7, trainPerClass: 1 }), {
      orderSeed: 0,
    });
    expect(many.tasks.map(({ name }) => name.slice(-1)).join("")).toBe("6213054");
  });

  test("accepts a class that one domain lacks", () => {
    const without = { ...dataset, train: dataset.train.filter((s) => s.domain !== 1 || s.label !== 2) };
    expect(domainIncremental(without, { validationPerClass: 1 }).tasks[1]!.train).toHaveLength(6);
  });

  test("refuses unknown, repeated and single domains", () => {
    expect(() => domainIncremental(dataset, { domains: ["sketch", "domain-1"] })).toThrow(
      /no domain "sketch"; expected some of: domain-0, domain-1, domain-2/,
    );
    expect(() => domainIncremental(dataset, { domains: ["domain-1", "domain-1"] })).toThrow(
      /two or more different/,
    );
    expect(() => domainIncremental(toyDataset({ classes: 2, trainPerClass: 1 }))).toThrow(InputError);
  });
});

describe("firstTasks(stream, count)", () => {
  const stream = classIncremental(toyDataset({ classes: 10, trainPerClass: 1 }), { tasks: 5 });

  test("are those of the whole stream, which is still known", () => {
    const { tasks, wholeTasks, protocol, classNames } = firstTasks(stream, 3);
    expect(tasks).toEqual(stream.tasks.slice(0, 3));
    expect({ wholeTasks, protocol }).toEqual({
      wholeTasks: 5,
      protocol: "class-incremental, first 3 of 5 tasks",
    });
    expect(classNames).toEqual(stream.classNames);
  });

  test("all of them are the stream itself", () => {
    expect(firstTasks(stream, 5)).toBe(stream);
    expect(firstTasks(stream, 9)).toBe(stream);
  });
});
