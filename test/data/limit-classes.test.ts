import { expect, test } from "vitest";
import { withClasses } from "../../src/data/limit-classes.ts";
import { patternDataset } from "../../src/testing/patterns.ts";

const whole = patternDataset({ classes: 5, trainPerClass: 4, testPerClass: 2 });

test("the first classes with their images, under a name of their own", async () => {
  const part = withClasses(whole, 3);
  expect(part.name).toBe(`${whole.name} (first 3 of 5 classes)`);
  expect(part.classNames).toEqual(whole.classNames.slice(0, 3));
  expect([part.train.length, part.test.length]).toEqual([12, 6]);
  expect(new Set(part.train.map(({ label }) => label))).toEqual(new Set([0, 1, 2]));
  expect(await part.read(part.test[0]!)).toEqual(await whole.read(whole.test[0]!));
});

test("all classes are the whole; more than there are is refused", () => {
  expect(withClasses(whole, 5)).toBe(whole);
  expect(() => withClasses(whole, 6)).toThrow(/^`limitClasses: 6`: .* has 5 classes; choose at most 5$/);
});
