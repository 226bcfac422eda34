import { describe, expect, test } from "vitest";
import { METHODS } from "../../../src/methods/index.ts";
import { benchmarks } from "../../../src/node/benchmarks/index.ts";
import { trialCells, validationImages } from "../../../src/node/tuning/tune.ts";
import { searchSpace } from "../../../src/tuning/search.ts";
import { toyDataset } from "../../data/toy-dataset.ts";

describe("held-out images", () => {
  const held = (trainPerClass: number, limit?: number): number =>
    validationImages(toyDataset({ classes: 3, domains: 2, trainPerClass }), "domain-incremental", limit);

  test("are a fifth of the smallest class, at least one, of a class in one domain where tasks are domains", () => {
    expect([2, 9, 10, 60].map((count) => held(count))).toEqual([1, 1, 2, 12]);
    expect(held(60, 20)).toBe(4);
    const bothDomains = toyDataset({ classes: 3, domains: 2, trainPerClass: 10 });
    expect(validationImages(bothDomains, "class-incremental", undefined)).toBe(4);
  });

  test("a class of one image is told", () => {
    expect(() => held(1)).toThrow("toy: a class has 1 training image, so none can be held out to choose by");
  });
});

test("trials are a grid's cells: shared lists are one value, equal trials one cell, and more trials keep the first", () => {
  const method = METHODS.find(({ name }) => name === "seq-lora")!;
  const benchmark = benchmarks.find(({ name }) => name === "emoji")!;
  const search = { benchmark, method, space: searchSpace(method), seed: 1, trials: 2 };
  const known = { tasks: 4, heads: ["lda", "rows"], sites: ["query", "fc1"] };
  const cells = trialCells({ ...search, shared: known });
  expect(cells.map(({ settings }) => settings.sites)).toEqual([
    ["query", "fc1"],
    ["query", "fc1"],
  ]);
  expect(cells[0]!.settings).toMatchObject({ "bases-rate": 5e-4, "head-rate": 5e-3, method: "seq-lora" });
  const ids = cells.map(({ id }) => id);
  expect(
    trialCells({ ...search, shared: known, trials: 4 })
      .map(({ id }) => id)
      .slice(0, 2),
  ).toEqual(ids);
  const fixed = { ranges: {}, standard: {} };
  expect(trialCells({ ...search, space: fixed, shared: known }).length).toBe(1);
  expect(() => trialCells({ ...search, shared: { ...known, "validation-per-clas": 2 } })).toThrow(
    'tune: there is no option "validation-per-clas"',
  );
});
