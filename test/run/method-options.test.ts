/** @file What a method takes where every task brings the same classes, and that every option can be typed. */
import { expect, test } from "vitest";
import { allSettings } from "../../src/cli/owners.ts";
import { runHelp } from "../../src/cli/run-flags.ts";
import { allGridOptions } from "../../src/grid/table.ts";
import { headSetOptions } from "../../src/heads/head-set.ts";
import { DRIFTS, HEADS } from "../../src/heads/index.ts";
import { METHODS } from "../../src/methods/index.ts";
import { REGISTRY } from "../../src/node/runs/registry.ts";
import { flagOf } from "../../src/run/flag.ts";
import { methodOptionsOn } from "../../src/run/method-options.ts";
import { checkedPlugin } from "../../src/run/plugin.ts";
import { methodOf } from "../support/run-method.ts";

const fmLora = methodOf("fm-lora");

test("fm-lora trains linear rows on domains, cosine rows on classes, and what it is told on both", () => {
  const rows = (kind: "class-incremental" | "domain-incremental", given: object = {}) => {
    const { rows, rowStart } = methodOptionsOn(kind, fmLora, { ...given }, "test");
    return [rows, rowStart];
  };
  expect(rows("class-incremental")).toEqual(["cosine", "class-means"]);
  expect(rows("domain-incremental")).toEqual(["linear", "zero"]);
  expect(rows("domain-incremental", { rows: "cosine" })).toEqual(["cosine", "zero"]);
  expect(rows("domain-incremental", { rows: undefined })).toEqual(["linear", "zero"]);
  expect(rows("class-incremental", { rows: "linear", rowStart: "zero" })).toEqual(["linear", "zero"]);
});

test("the help shows the defaults of the benchmark that is named", () => {
  const shown = (benchmark: string) =>
    runHelp(REGISTRY, benchmark, { method: "fm-lora" })
      .filter(({ long }) => long === "--rows")
      .map(({ description }) => /default: (\w+)/.exec(description)?.[1]);
  expect(shown("cifar100")).toEqual(["cosine"]);
  expect(shown("pacs")).toEqual(["linear"]);
});

test.each(DRIFTS)(
  "every option of heads with the map $name is a flag of a run and a column of a grid",
  (drift) => {
    const names = Object.keys(headSetOptions(HEADS, drift).shape).map(flagOf);
    const flags = new Set(allSettings(REGISTRY).flatMap(({ settings }) => settings.map(({ flag }) => flag)));
    const columns = new Set(allGridOptions(REGISTRY.benchmarks).map(({ flag }) => flag));
    expect(names.filter((name) => !flags.has(name) || !columns.has(name))).toEqual([]);
    expect(names.includes("drift-views")).toBe(drift.name !== "none");
  },
);

test("a plugin's values for domains are checked as it is registered", () => {
  const mine = (domains: object) => () =>
    checkedPlugin(
      { methods: [{ ...fmLora, name: "mine", defaults: { ...fmLora.defaults, domains } }] },
      "toys",
    );
  expect(mine({ rows: "cosine" })).not.toThrow();
  expect(mine({ rows: "round" })).toThrow("methods[0].defaults.domains.rows");
  expect(mine({ rowz: 1 })).toThrow("rowz");
});

test("what is wrong is named", () => {
  const wrong = () => methodOptionsOn("domain-incremental", fmLora, { rows: "round" }, "method fm-lora");
  expect(wrong).toThrow("method fm-lora: `rows:");
});

test.each(METHODS)("$name has no value for domains that its options refuse", (method) => {
  expect(() => methodOptionsOn("domain-incremental", method, {}, "test")).not.toThrow();
});
