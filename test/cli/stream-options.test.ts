/** @file Options that say how a benchmark is cut and when it is measured: from what is typed to the tasks. */
import { describe, expect, test } from "vitest";
import { settingsOf } from "../../src/cli/settings.ts";
import { checked } from "../../src/run/checked.ts";
import { type RunOptionsInput, runOptionsSchema } from "../../src/run/options.ts";
import { evaluationPlan, streamOf } from "../../src/run/stream.ts";
import { InputError } from "../../src/tensor/errors.ts";
import { toyDataset } from "../data/toy-dataset.ts";

const settings = settingsOf(runOptionsSchema);
const read = (flag: string, text: string): unknown =>
  settings.find((setting) => setting.flag === flag)!.read(text);

describe("what is typed", () => {
  test.each([
    ["initial-classes", "half", "half"],
    ["initial-classes", "50", 50],
    ["evaluate", "last", "last"],
    ["evaluate", "10", 10],
    ["blurry", "50,10", [50, 10]],
    ["blurry", "50, 12.5", [50, 12.5]],
    ["domains", "sketch, photo", ["sketch", "photo"]],
  ])("--%s %s", (flag, text, value) => {
    expect(read(flag, text)).toEqual(value);
  });

  test.each([
    ["initial-classes", "some", '--initial-classes "some": expected half or a whole number above 0'],
    ["initial-classes", "0", '--initial-classes "0": expected half or a whole number above 0'],
    ["evaluate", "often", '--evaluate "often": expected one of: all, last, none or a whole number above 0'],
    [
      "blurry",
      "50",
      '--blurry "50": expected 2 values, separated by commas, each a number of at least 0 and at most 100',
    ],
    ["blurry", "50,", /expected 2 values/],
    ["blurry", "50,101", /expected 2 values/],
  ])("refuses --%s %s", (flag, text, message) => {
    expect(() => read(flag, text)).toThrow(message instanceof RegExp ? message : new InputError(message));
  });
});

const classes = { name: "toy", kind: "class-incremental", tasks: 5 } as const;
const domains = { name: "toy", kind: "domain-incremental", tasks: 2 } as const;
const options = (given: RunOptionsInput) => checked(runOptionsSchema, given);
const cut = (benchmark: typeof classes | typeof domains, given: RunOptionsInput, joint = false) =>
  streamOf(benchmark, toyDataset({ classes: 20, domains: 2, trainPerClass: 4 }), options(given), joint);

describe("the tasks", () => {
  test.each<[RunOptionsInput, number[], string]>([
    [{}, [4, 4, 4, 4, 4], "class-incremental"],
    [{ tasks: 3 }, [6, 6, 8], "class-incremental"],
    [{ initialClasses: "half", increment: 5 }, [10, 5, 5], "class-incremental, B10"],
    [{ initialClasses: 8, increment: 5 }, [8, 5, 5, 2], "class-incremental, B8"],
  ])("of %j", (given, sizes, protocol) => {
    const stream = cut(classes, given);
    expect(stream.tasks.map((task) => task.classes.length)).toEqual(sizes);
    expect(stream.protocol).toBe(protocol);
  });

  test("blurry ones, and all of them at once under the same name", () => {
    const stream = cut(classes, { initialClasses: "half", increment: 5, blurry: [50, 50] });
    expect(stream.protocol).toBe("class-incremental, B10, i-Blurry n50 m50");
    expect(stream.tasks.some((task, index) => task.classes.length > [10, 5, 5][index]!)).toBe(true);
    const joint = cut(classes, { blurry: [50, 50] }, true);
    expect(joint.tasks.map((task) => [task.classes.length, task.train.length])).toEqual([[20, 160]]);
    expect(joint.protocol).toBe("class-incremental, i-Blurry n50 m50");
  });

  test("domains in an order of one's own, which has its name", () => {
    const stream = cut(domains, { domains: ["domain-1", "domain-0"] });
    expect(stream.tasks.map(({ name }) => name)).toEqual(["domain-1", "domain-0"]);
    expect(stream.protocol).toBe("domain-incremental, domains domain-1 domain-0");
    expect(cut(domains, {}).protocol).toBe("domain-incremental");
  });

  test("what does not fit is refused by name", () => {
    expect(() => cut(domains, { blurry: [50, 10] })).toThrow(
      /its tasks are its domains; leave out the option `blurry`/,
    );
    expect(() => cut(classes, { domains: ["domain-1"] })).toThrow(
      /its tasks are its classes; leave out the option `domains`/,
    );
    expect(() => cut(classes, { initialClasses: "half" })).toThrow(/either `tasks`, or `increment`/);
  });
});

test("domains are measured ahead of their tasks, blurry streams at twenty points, all unless told otherwise", () => {
  const plan = (benchmark: typeof classes | typeof domains, given: RunOptionsInput) =>
    evaluationPlan(cut(benchmark, given), options(given));
  expect(plan(classes, {})).toEqual({ after: "all", tasks: "seen", everyImages: undefined });
  expect(plan(domains, { evaluate: 3 })).toEqual({ after: 3, tasks: "all", everyImages: undefined });
  expect(plan(domains, { evaluateTasks: "seen" }).tasks).toBe("seen");
  expect(plan(classes, { blurry: [50, 10], epochs: 1 }).everyImages).toBe(160 / 20);
  expect(plan(classes, { blurry: [50, 10], anytime: 7 }).everyImages).toBe(7);
  expect(plan(classes, { blurry: [50, 10], evaluate: "none" }).everyImages).toBeUndefined();
});
