/** @file What a method takes where every task brings the same classes. */
import { expect, test } from "vitest";
import { METHODS } from "../../src/methods/index.ts";
import { methodOptionsOn } from "../../src/run/method-options.ts";
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

test("what is wrong is named", () => {
  const wrong = () => methodOptionsOn("domain-incremental", fmLora, { rows: "round" }, "method fm-lora");
  expect(wrong).toThrow("method fm-lora: `rows:");
});

test.each(METHODS)("$name has no value for domains that its options refuse", (method) => {
  expect(() => methodOptionsOn("domain-incremental", method, {}, "test")).not.toThrow();
});
